"""The floors: what the workloads cost without GraphQL, on the same tables, by the same drivers and HTTP server.

`rows` fetches rows by hand-written statements, level by level, and puts them together as dicts. `json` lets one
statement build the JSON. Both filter by the range of the caller's paths in the statement, read past the permission
filter, verify no token and know no cursors. Nobody would want to write an API like this; it is how little the
database and Python can do it for.

    CANOPY_DATABASE_URL=... python -m bench.floors rows|json PORT
"""

import gc
import os
import sys
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bench import floor_rows
from bench.client import HOST
from bench.floor_postgresql import PostgresqlFloor
from bench.floor_sqlite import SqliteFloor
from bench.workloads import MPN, WORKLOADS
from models import path as paths

Answer = Callable[[str, str, int], Coroutine[Any, Any, bytes]]
"""The answer to a workload, for a caller's path and the id that W3 asks for."""


class Floor(floor_rows.Rows, Protocol):
    """The statements of an engine."""

    async def json(self, workload: str, path: str, *values: Any) -> bytes:
        """What one of its `JSON` statements makes."""

    async def close(self) -> None:
        """Close what is open."""


def open_floor(url: str) -> Floor:
    """The floor of a database."""
    return SqliteFloor(url) if url.startswith("sqlite:") else PostgresqlFloor(url)


def by_rows(floor: Floor) -> Answer:
    """Answers put together of rows."""

    async def answer(workload: str, path: str, below: int) -> bytes:
        return orjson.dumps(await floor_rows.WORKLOADS[workload](floor, path, below))

    return answer


def by_json(floor: Floor) -> Answer:
    """Answers as one statement makes them."""
    start: dict[str, Callable[[str, int], tuple[Any, ...]]] = {
        "w1": lambda path, _below: (paths.account_id(path),),
        "w2": lambda _path, _below: (),
        "w3": lambda _path, below: (below,),
        "w4": lambda path, _below: (paths.account_id(path),),
        "w5": lambda _path, _below: (MPN,),
    }

    async def answer(workload: str, path: str, below: int) -> bytes:
        return await floor.json(workload, path, *start[workload](path, below))

    return answer


KINDS = {"rows": by_rows, "json": by_json}


def create_app(answer: Answer) -> Starlette:
    """A route for each workload: `/w1/<the caller's path>/<the id of an account below>`."""

    def answering(workload: str) -> Route:
        async def endpoint(request: Request) -> Response:
            given = request.path_params
            return Response(await answer(workload, given["path"], given["below"]), media_type="application/json")

        return Route(f"/{workload}/{{path}}/{{below:int}}", endpoint)

    return Starlette(routes=[answering(name) for name in WORKLOADS])


if __name__ == "__main__":
    # As gateway.py does: what is imported stays, and an answer holds no cycles.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    app = create_app(KINDS[sys.argv[1]](open_floor(os.environ["CANOPY_DATABASE_URL"])))
    uvicorn.run(app, host=HOST, port=int(sys.argv[2]), log_level="warning", access_log=False)
