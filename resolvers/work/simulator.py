"""The built-in connector: it provisions nothing, remembers that it did, and can be told to be slow or to fail.

Where that is allowed (demonstrations and tests), an order tells it by its attribute `simulate`:

    slow, slow:30    take 5 seconds, or so many
    fail             refuse
    fail-once        fail at the first attempt
    pending          begin, and never come to an end
    pending:2        be done at the attempt after the second
"""

import asyncio
from typing import Any

from sqlalchemy import bindparam, update
from sqlalchemy.dialects.postgresql import insert  # whose ON CONFLICT is spelled alike on SQLite

from models import Provisioned
from models.base import now, table_of
from models.statement import Statement
from models.store import Store
from resolvers.transaction import change
from resolvers.work.task import Done, Failed, Pending, Task

ATTRIBUTE = "simulate"
_SLOW_SECONDS = 5.0
_SLOWEST_SECONDS = 60.0
_NEVER = 1_000_000
_REFUSED = "The simulated service refuses this order. Resubmit it without the attribute `simulate`, or change that."
_DOWN = "The simulated service is down. Resubmit the order later."

_TABLE = table_of(Provisioned)
_P = _TABLE.c
_ASK = insert(_TABLE).values(
    {name: bindparam(name) for name in ("key", "subscription_id", "action", "quantity")} | {"attempts": 1}
)
_ASKED = Statement(
    _ASK.on_conflict_do_update(index_elements=[_P.key], set_={"attempts": _P.attempts + 1}).returning(
        _P.attempts, _P.done_at
    )
)
_DONE = Statement(
    update(_TABLE)
    .where(_P.key == bindparam("of_key"), _P.done_at.is_(None))
    .values(done_at=bindparam("at", type_=_P.done_at.type))
)


class Simulator:
    """See `resolvers.work.connector.Connector`.

    Args:
        store: where it remembers.
        is_told: whether it does what the order's attribute says.
    """

    def __init__(self, store: Store, *, is_told: bool = False) -> None:
        self._store = store
        self._is_told = is_told

    async def provision(self, task: Task) -> Done | Pending | Failed:
        """Set a service up."""
        return await self._do("provision", task)

    async def change(self, task: Task) -> Done | Pending | Failed:
        """Change a service's quantities."""
        return await self._do("change", task)

    async def suspend(self, task: Task) -> Done | Pending | Failed:
        """Suspend a service."""
        return await self._do("suspend", task)

    async def resume(self, task: Task) -> Done | Pending | Failed:
        """Resume a service."""
        return await self._do("resume", task)

    async def stop(self, task: Task) -> Done | Pending | Failed:
        """End a service."""
        return await self._do("stop", task)

    def can_stop(self) -> bool:
        """Nothing is ever really set up."""
        return True

    async def _do(self, action: str, task: Task) -> Done | Pending | Failed:
        attempts, is_done = await self._ask(action, task)
        if not is_done:
            how, _, much = task.attributes.get(ATTRIBUTE, "").partition(":") if self._is_told else ("", "", "")
            trouble = await _trouble(how, much, attempts)
            if trouble is not None:
                return trouble
            async with self._store.unfiltered("the simulator has done something", write=True) as db:
                await db.execute(_DONE, {"of_key": task.key, "at": now()})
        return Done(f"SIM-{task.subscription_id}")

    async def _ask(self, action: str, task: Task) -> tuple[int, bool]:
        """How often it was asked for, now included, and whether it was done before."""
        values: dict[str, Any] = {
            "key": task.key,
            "subscription_id": task.subscription_id,
            "action": action,
            "quantity": sum(part.quantity for part in task.parts),
        }
        async with self._store.unfiltered("the simulator is asked", write=True) as db:
            ((attempts, done_at),) = await change(db, _ASKED, values)
        return attempts, done_at is not None


async def _trouble(how: str, much: str, attempts: int) -> Pending | Failed | None:
    """What comes between; None: nothing more."""
    if how == "slow":
        await asyncio.sleep(min(float(much) if much.isdecimal() else _SLOW_SECONDS, _SLOWEST_SECONDS))
    if how == "fail":
        return Failed(_REFUSED)
    if how == "fail-once" and attempts == 1:
        return Failed(_DOWN, is_final=False)
    if how == "pending" and attempts <= (int(much) if much.isdecimal() else _NEVER):
        return Pending()
    return None
