"""Whether a PostgreSQL database has the policies of the rules, those alone, and in the same words."""

from collections.abc import Mapping

from models.policy.postgresql import postgresql_ddl
from models.policy.rules import RULES
from models.store import Unfiltered

_THERE = "'public'"
_MADE = "(SELECT nspname FROM pg_namespace WHERE oid = pg_my_temp_schema())"
_POLICIES = (
    "SELECT tablename || ' ' || policyname, permissive, roles::text, cmd, qual, with_check FROM pg_policies"
    " WHERE schemaname = {schema}"
)


async def unlike_the_rules(db: Unfiltered) -> list[str]:
    """Policies that are missing, that no rule asks for, or that say something else: each as its table and its name.

    PostgreSQL spells a policy in its own way. So those of the rules are made too, on temporary tables with the columns
    of the true ones, and undone; nobody waits for that, for the true tables are only looked at.

    Args:
        db: a transaction that may write.

    Raises:
        StoreError: tables are missing, or nobody may make temporary ones.
    """
    there = await _policies(db, _THERE)
    await db.sql("SAVEPOINT before_the_rules")
    await db.sql(_making())
    made = await _policies(db, _MADE)
    await db.sql("ROLLBACK TO SAVEPOINT before_the_rules")
    return sorted(name for name in there.keys() | made.keys() if there.get(name) != made.get(name))


def _making() -> str:
    """One statement that makes the policies of the rules on temporary tables, which hide the true ones."""
    tables = [f"CREATE TEMPORARY TABLE {table} (LIKE public.{table})" for table in RULES]
    policies = [each for each in postgresql_ddl() if each.startswith("CREATE POLICY")]
    return f"DO $made$ BEGIN {'; '.join(tables + policies)}; END $made$"


async def _policies(db: Unfiltered, schema: str) -> Mapping[str, tuple[object, ...]]:
    """What each policy says, by its table and its name."""
    return {str(row[0]): tuple(row[1:]) for row in await db.sql(_POLICIES.format(schema=schema))}
