"""Whoever changes something over a socket may do what they may at that moment, as over HTTP."""

from pathlib import Path

from sqlalchemy import bindparam, update

from models import RoleCode
from models.base import table_of
from models.statement import Statement
from models.store import Store
from models.user import UserRole
from tests.changes import new_key, user_of
from tests.hierarchy import World
from tests.listening import grant
from tests.live import client, serving

_ROLE = table_of(UserRole).c
_SET_ROLE = Statement(
    update(table_of(UserRole)).where(_ROLE.user_id == bindparam("of_user")).values(role_code=bindparam("role_code"))
)


async def test_a_role_that_was_just_taken_away_changes_nothing_more(
    own_hierarchy: Store, world: World, tmp_path: Path
) -> None:
    await grant(own_hierarchy, world)
    user = user_of(world, 2)
    mutation = (
        'mutation { accountUpdate(input: {account: "acc_8", externalId: "kept", expectedVersion: 1,'
        f' idempotencyKey: "{new_key()}"}}) {{ account {{ id }} }} }}'
    )
    async with serving(own_hierarchy.url, tmp_path) as served, client(served, served.token(user, 2)) as visitor:
        async with own_hierarchy.unfiltered("a test takes a role away", write=True) as db:
            await db.execute(_SET_ROLE, {"of_user": user, "role_code": RoleCode.SUPPORT_ENGINEER.value})
        await visitor.send(type="subscribe", id="1", payload={"query": mutation})
        message = await visitor.next()

    assert message["payload"]["errors"][0]["extensions"]["code"] == "FORBIDDEN"
