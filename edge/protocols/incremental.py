"""Answers in parts, as the clients of two generations read them.

The newest form says once what is to come (`pending`, with ids) and then names the id; that of 2022 says with each part
where it belongs (`path`, `label`). Who names a generation gets that one alone, and who names none gets both at once:
clients look at what they know.

Source: the incremental delivery RFC of GraphQL over HTTP, and what Apollo Client's two handlers read.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from edge.exposure.masking import Payload

Body = dict[str, Any]
Path = list[str | int]


class Generation(StrEnum):
    """How parts are told, by the parameter of `multipart/mixed` with which a client asks for it."""

    BOTH = ""
    OLD = "deferSpec=20220824"
    NEW = "incrementalSpec=v0.2"


def generation(parameters: Mapping[str, str]) -> Generation:
    """What a client asks for by the parameters of a media type, whose names are in lower case."""
    for each in (Generation.OLD, Generation.NEW):
        name, _, value = each.partition("=")
        if parameters.get(name.lower()) == value:
            return each
    return Generation.BOTH


class Parts:
    """The parts of one answer, one after the other.

    Args:
        generation: in which they are told.
    """

    def __init__(self, generation: Generation = Generation.BOTH) -> None:
        self.generation = generation
        self._pending: dict[str, Body] = {}
        self._positions: dict[str, int] = {}
        """Of each list that comes in parts, how many of its items are there."""

    def told(self, payload: Payload) -> Body:
        """A part as it is written.

        Args:
            payload: in the newest form.
        """
        body = {**payload.body, "hasNext": payload.has_next}
        self._expect(body.get("pending", ()))
        if "data" in body:
            self._count((), body["data"])
        entries = [self._placed(entry) for entry in body.pop("incremental", ())]
        if self.generation is not Generation.NEW:
            entries += [self._failed(each) for each in body.get("completed", ()) if each.get("errors")]
        if self.generation is Generation.OLD:
            body.pop("pending", None)
            body.pop("completed", None)
        return body | {"incremental": entries} if entries else body

    def _expect(self, pending: Sequence[Body]) -> None:
        self._pending |= {each["id"]: each for each in pending}

    def _count(self, path: Sequence[str | int], data: Any) -> None:
        """Count the items that lists begin with, where data has come to a path."""
        for key, each in self._pending.items():
            if key not in self._positions and tuple(each["path"][: len(path)]) == tuple(path):
                found = _at(data, each["path"][len(path) :])
                if isinstance(found, list):
                    self._positions[key] = len(found)

    def _placed(self, entry: Body) -> Body:
        """An entry that says where it belongs, in the way of its generation."""
        key = entry["id"]
        path: Path = [*self._pending[key]["path"], *entry.get("subPath", ())]
        if "items" in entry:
            path.append(self._positions.get(key, 0))
            self._positions[key] = self._positions.get(key, 0) + len(entry["items"])
        else:
            self._count(path, entry["data"])
        if self.generation is Generation.NEW:
            return entry
        placed = self._where(key, path)
        if self.generation is Generation.OLD:
            return placed | {name: value for name, value in entry.items() if name not in {"id", "subPath"}}
        return entry | placed

    def _failed(self, completed: Body) -> Body:
        """What will not come, for the elder generation, which is told so in its place."""
        key = completed["id"]
        path: Path = list(self._pending[key]["path"])
        if key in self._positions:
            return {**self._where(key, [*path, self._positions[key]]), "items": None, "errors": completed["errors"]}
        return {**self._where(key, path), "data": None, "errors": completed["errors"]}

    def _where(self, key: str, path: Path) -> Body:
        label = self._pending[key].get("label")
        return {"path": path} if label is None else {"path": path, "label": label}


def _at(data: Any, path: Sequence[str | int]) -> Any:
    """What stands at a path; None where there is nothing."""
    for key in path:
        if isinstance(data, dict):
            data = data.get(str(key))
        elif isinstance(data, list) and isinstance(key, int) and key < len(data):
            data = data[key]
        else:
            return None
    return data
