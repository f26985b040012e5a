"""Performing operations: privilege, validation, and then one thing alone, many one by one, or many together."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from models.beyond import announce
from models.writer import Writer
from resolvers.act import Act, Actor
from resolvers.caller import Caller
from resolvers.errors import RefusedError, UserError, UserErrorCode
from resolvers.input_hash import InputHash
from resolvers.inputs import Input, checked
from resolvers.operation import Operation
from resolvers.outcome import BulkOutcome, Outcome, written
from resolvers.run import Business, Run

MAX_ITEMS = 100
_KEY_LENGTHS = range(8, 201)


@dataclass(frozen=True, slots=True)
class Item:
    """What is to be done to one thing.

    Args:
        values: of the operation's input, by its names; what was left out isn't there.
        expected_version: of the target, as the client knows it; None where the operation changes no target.
    """

    values: Mapping[str, Any]
    expected_version: int | None = None


async def perform(business: Business, caller: Caller, operation: Operation, item: Item, key: str) -> Outcome:
    """Do it, or tell why not; the same key and input again give the same outcome and do nothing.

    The key is the caller's own, for this operation of its.

    Raises:
        ForbiddenError: the caller lacks the privilege; nothing was looked up.
        UnauthenticatedError: the caller has just been deactivated.
        UnavailableError: the database is too busy; nothing was done.
    """
    caller.require(operation.privilege)
    run = Run(business, caller, operation)
    try:
        _check_key(key)
        given = checked(operation.input, item.values)
        prepared = await operation.prepare(business, caller, given) if operation.prepare else None
        input_hash = _hash(business, [item])
        return await run.alone(given, item.expected_version, run.key(operation.name, key), input_hash, prepared)
    except RefusedError as refusal:
        return Outcome(errors=refusal.errors)


async def perform_many(
    business: Business, caller: Caller, operation: Operation, items: Sequence[Item], key: str, *, is_atomic: bool
) -> BulkOutcome:
    """Do it to each of the items, or tell why not.

    If it `is_atomic`, one refusal undoes everything; otherwise each item is done, or not, for itself.

    Raises:
        As `perform`; what was done before to other items stays done, and is answered under the same key.
    """
    caller.require(operation.privilege)
    bulk = _Bulk(Run(business, caller, operation), items, key, is_atomic)
    try:
        _check_key(key)
        _check_number(items)
        outcomes = await (bulk.together() if is_atomic else bulk.one_by_one())
    except RefusedError as refusal:
        return BulkOutcome(errors=refusal.errors)
    return BulkOutcome(tuple(_at(index, outcome) for index, outcome in enumerate(outcomes)))


def _check_key(key: str) -> None:
    if len(key) not in _KEY_LENGTHS or not key.isprintable():
        message = "It takes 8 to 200 printable characters."
        raise RefusedError(UserError(UserErrorCode.INVALID, message, ("idempotency_key",)))


def _check_number(items: Sequence[Item]) -> None:
    if not items:
        raise RefusedError(UserError(UserErrorCode.REQUIRED, "It takes at least 1 item.", ("items",)))
    if len(items) > MAX_ITEMS:
        message = f"It has {len(items)} items; at most {MAX_ITEMS}."
        raise RefusedError(UserError(UserErrorCode.TOO_LONG, message, ("items",)))


def _hash(business: Business, items: Sequence[Item], **more: bool) -> InputHash:
    """What makes an input the same as another."""
    what = [[dict(item.values), item.expected_version] for item in items]
    return InputHash(json.dumps([what, more], sort_keys=True, default=str), business.input_key)


def _at(index: int, outcome: Outcome) -> Outcome:
    """The outcome with the paths of its errors from the input's top."""
    errors = (replace(error, path=("items", str(index), *error.path)) for error in outcome.errors)
    return replace(outcome, errors=tuple(errors))


class _Bulk:
    """An operation on many things."""

    def __init__(self, run: Run, items: Sequence[Item], key: str, is_atomic: bool) -> None:
        self._run = run
        self._items = items
        self._name = f"{run.operation.name}Bulk"
        self._text = key
        self._key = run.key(self._name, key)
        self._hash = _hash(run.business, items, is_atomic=is_atomic)

    async def one_by_one(self) -> list[Outcome]:
        """An outcome for each item, done in a transaction of its own.

        Raises:
            RefusedError: the key was used with another input.
        """

        async def reserve(writer: Writer) -> None:
            if await self._run.begin(writer, self._key, self._hash) is None:
                await announce.finish(writer, self._key, written())

        await self._run.again(reserve)
        return [await self._alone(index, given) for index, given in enumerate(self._inputs())]

    async def _alone(self, index: int, given: Input | Outcome) -> Outcome:
        if isinstance(given, Outcome):
            return given
        key = self._run.key(self._name, f"{self._text}#{index}")
        return await self._run.alone(given, self._items[index].expected_version, key, self._hash)

    async def together(self) -> Sequence[Outcome]:
        """An outcome for each item, all in one transaction: if one is refused, nothing is done.

        Raises:
            RefusedError: the key was used with another input.
        """

        async def attempt(writer: Writer) -> Sequence[Outcome]:
            stored = await self._run.begin(writer, self._key, self._hash)
            if stored is not None:
                return stored
            outcomes = await self._all_or_none(writer, await self._run.actor(writer))
            await announce.finish(writer, self._key, written(*outcomes))
            return outcomes

        return await self._run.again(attempt)

    async def _all_or_none(self, writer: Writer, actor: Actor) -> list[Outcome]:
        """All are tried even after a refusal, so that all reasons are told."""
        inputs = self._inputs()
        outcomes: dict[int, Outcome] = {}
        refused: list[Act] = []
        try:
            async with writer.savepoint():
                for index in self._in_order_of_locking(inputs):
                    outcomes[index] = await self._within(writer, actor, inputs[index], self._items[index], refused)
                if any(outcome.errors for outcome in outcomes.values()):
                    raise RefusedError
        except RefusedError:
            outcomes = {index: _rolled_back(outcome) for index, outcome in outcomes.items()}
            for act in refused:
                await act.note_attempts()
        return [outcomes[index] for index in range(len(inputs))]

    async def _within(
        self, writer: Writer, actor: Actor, given: Input | Outcome, item: Item, refused: list[Act]
    ) -> Outcome:
        if isinstance(given, Outcome):
            return given
        return await self._run.once(writer, actor, given, item.expected_version, refused=refused)

    def _in_order_of_locking(self, inputs: Sequence[Input | Outcome]) -> list[int]:
        """The items' places, by their targets' ids: two bulks at once never wait for each other in a circle."""
        return sorted(range(len(inputs)), key=lambda index: self._target_id(inputs[index]))

    def _target_id(self, given: Input | Outcome) -> int:
        target = self._run.operation.target
        row_id = getattr(given, target.by, None) if target and target.is_changed else None
        return row_id or 0

    def _inputs(self) -> list[Input | Outcome]:
        """The items as inputs; a refusal for each that is wrong, or has the target of an earlier one."""
        inputs: list[Input | Outcome] = []
        seen: set[int] = set()
        for item in self._items:
            given = self._input(item)
            row_id = self._target_id(given)
            if row_id in seen:
                given = self._duplicate()
            seen |= {row_id} - {0}
            inputs.append(given)
        return inputs

    def _input(self, item: Item) -> Input | Outcome:
        try:
            return checked(self._run.operation.input, item.values)
        except RefusedError as refusal:
            return Outcome(errors=refusal.errors)

    def _duplicate(self) -> Outcome:
        target = self._run.operation.target
        path = (target.by,) if target else ()
        return Outcome(errors=(UserError(UserErrorCode.DUPLICATE_TARGET, "An earlier item is about the same.", path),))


def _rolled_back(outcome: Outcome) -> Outcome:
    """What is left of an item among which one was refused."""
    error = UserError(UserErrorCode.ROLLED_BACK, "Nothing was done, because another item was refused.")
    return outcome if outcome.errors else replace(outcome, errors=(error,))
