"""Transactions in which the system's own tables are read and written: unfiltered, or a writer's beyond its scope."""

from collections.abc import Mapping
from typing import Any, TypeAlias

from models.statement import Row, Statement
from models.store import Unfiltered
from models.writer import Beyond

Transaction: TypeAlias = Unfiltered | Beyond


async def change(db: Transaction, statement: Statement, parameters: Mapping[str, Any]) -> list[Row]:
    """Run a statement that changes rows; what it returns comes as named tuples.

    Raises:
        StoreError: the database refused it.
    """
    return await (db.write if isinstance(db, Beyond) else db.rows)(statement, parameters)
