"""GraphQL over HTTP when something behind it fails, with the gateway in the tests' own process."""

from pathlib import Path

import httpx
import pytest

from models.store import Store, StoreError
from tests.changes import user_of
from tests.hierarchy import World
from tests.live import serving

MUTATION = (
    'mutation { accountUpdate(input: {account: "acc_8", expectedVersion: 1, idempotencyKey: "it is gone"})'
    " { currentVersion } }"
)


@pytest.mark.parametrize("query", ["{ viewer { reach } }", MUTATION])
async def test_a_database_that_went_away_after_the_caller_was_found_is_told_as_such(
    query: str, own_hierarchy: Store, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_given: object) -> None:
        raise StoreError("the database is away")

    async with serving(own_hierarchy.url, tmp_path) as served, httpx.AsyncClient() as client:
        monkeypatch.setattr(served.service.store, "reader", gone)
        headers = {"authorization": f"Bearer {served.token(user_of(world, 2), 2)}"}
        answer = await client.post(f"http://{served.url}/graphql", json={"query": query}, headers=headers)
        monkeypatch.undo()

    assert answer.status_code == 503
    assert answer.json()["errors"][0]["extensions"] == {"code": "UNAVAILABLE"}
