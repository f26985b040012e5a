"""The rows of the role table, which follow the table of roles in `resolvers/privileges.py`."""

from collections.abc import Mapping

from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects.postgresql import insert  # whose ON CONFLICT is spelled alike on SQLite

from models.base import table_of
from models.statement import Statement
from models.store import Store
from models.user import Role, RoleCode

_ROLE = table_of(Role)
_ALL = Statement(select(_ROLE.c.code, _ROLE.c.name, _ROLE.c.description))
_ADD = Statement(
    insert(_ROLE)
    .values({name: bindparam(name) for name in ("code", "name", "description")})
    .on_conflict_do_nothing(index_elements=[_ROLE.c.code])
)
"""Another process may be adding it: each that starts migrates."""
_CHANGE = Statement(
    update(_ROLE)
    .where(_ROLE.c.code == bindparam("of"))
    .values(name=bindparam("name"), description=bindparam("description"))
)


async def name_roles(store: Store, names: Mapping[RoleCode, tuple[str, str]]) -> None:
    """Write the names and descriptions of roles, by their codes, where they are missing or differ."""
    async with store.unfiltered("name the roles", write=True) as db:
        present = {row.code: (row.name, row.description) for row in await db.rows(_ALL)}
        for code, (name, description) in names.items():
            if code not in present:
                await db.execute(_ADD, {"code": str(code), "name": name, "description": description})
            elif present[code] != (name, description):
                await db.execute(_CHANGE, {"of": str(code), "name": name, "description": description})
