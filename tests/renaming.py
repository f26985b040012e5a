"""The simplest of changes, for tests of what becomes of changes: an account is renamed."""

from sqlalchemy import bindparam, select, update

from models import Account
from models.base import table_of
from models.scope import Scope
from models.statement import Statement
from models.store import Store
from models.writer import Writer
from tests.hierarchy import path_of

ACCOUNT = table_of(Account)
IDS = Statement(select(ACCOUNT.c.id).order_by(ACCOUNT.c.id))
NAME = Statement(select(ACCOUNT.c.name).where(ACCOUNT.c.id == bindparam("of")))
RENAME = Statement(
    update(ACCOUNT)
    .where(ACCOUNT.c.id == bindparam("of"))
    .values(name=bindparam("to"))
    .returning(ACCOUNT.c.id, ACCOUNT.c.name)
)
SAME_ID = Statement(update(ACCOUNT).where(ACCOUNT.c.parent_id == bindparam("of")).values(external_id="the same"))
EVERYWHERE = Scope(path_of(1))
OF_2 = Scope(path_of(2))


async def name_of(store: Store, account: int) -> str:
    """The account's name as it is committed."""
    async with store.reader(EVERYWHERE) as reader:
        return (await reader.rows(NAME, {"of": account}))[0][0]  # type: ignore[no-any-return]  # text


async def rename(writer: Writer, account: int, to: str = "new") -> list[tuple[int, str]]:
    """Rename an account; gives the ids and names of those that were renamed."""
    return [tuple(row) for row in await writer.write(RENAME, {"of": account, "to": to})]


async def clash(writer: Writer) -> None:
    """Call several customers of one vendor by the same id."""
    await writer.write(SAME_ID, {"of": 2})
