"""The workloads: what is asked, by whom, and what of a GraphQL answer the floors answer too."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models import AccountType, RoleCode, UserStatus
from models import path as paths
from models.store import Store

QUERIES = Path(__file__).parent / "queries"
MPN = "CFQ7TTC0LH18:0001"
"""What W5 searches for; its document says it too."""


@dataclass(frozen=True, slots=True)
class Workload:
    """An operation that is measured.

    Args:
        name: short, as in `w1`.
        title: what it is, in a few words.
        document: the file of `bench/queries` that holds it.
        root: the fields of the answer that lead to what the floors answer.
        bar: at most so many times the rows floor's CPU.
    """

    name: str
    title: str
    document: str
    root: tuple[str, ...]
    bar: float = 1.5

    @property
    def query(self) -> str:
        """The GraphQL document."""
        return (QUERIES / f"{self.document}.graphql").read_text()


WORKLOADS = {
    each.name: each
    for each in (
        Workload("w1", "dashboard tree", "dashboard", ("viewer", "account")),
        Workload("w2", "100 customers by name", "customers-by-name", ("accounts",)),
        Workload("w3", "one account by id", "account-by-id", ("account",), bar=2.0),
        Workload("w4", "six levels", "six-levels", ("viewer", "account")),
        Workload("w5", "subscriptions by MPN", "subscriptions-by-mpn", ("subscriptions",)),
    )
}


@dataclass(frozen=True, slots=True)
class Subject:
    """Who asks.

    Args:
        name: `mid`, `top` or `wide`.
        login: the user.
        path: of the user's account.
        below: the id of an account below that one, which W3 looks up.
    """

    name: str
    login: str
    path: str
    below: int

    @property
    def account_id(self) -> int:
        """The user's account."""
        return paths.account_id(self.path)


LOGINS = {"mid": "admin@reseller.example", "top": "admin@provider.example"}
"""`mid` has some 500 accounts below it, `top` all there are."""
CALLERS = (*LOGINS, "wide")
"""`wide` is the largest account right below the provider, `mid`'s left out: a large scope that isn't everything.

Where it is the catalogue that is filtered, the provider, who sees all of it, has the easiest part.
"""

_LARGEST = f"""
    SELECT u.login FROM account a JOIN app_user u ON u.account_id = a.id JOIN user_role r ON r.user_id = u.id
    WHERE a.parent_id = (SELECT id FROM account WHERE type = '{AccountType.PROVIDER.value}')
      AND a.path <> (SELECT path FROM app_user WHERE login = '{LOGINS["mid"]}')
      AND u.status = '{UserStatus.ACTIVE.value}' AND r.role_code = '{RoleCode.RESELLER_FULL_ACCESS.value}'
    ORDER BY a.size_class DESC, a.id, u.id LIMIT 1"""


async def subject(store: Store, name: str) -> Subject:
    """A caller by its name.

    Raises:
        LookupError: the database holds no demo tree.
    """
    async with store.unfiltered("who is measured?") as db:
        login = LOGINS.get(name) or _only(await db.sql(_LARGEST), name)
        path = _only(await db.sql(f"SELECT path FROM app_user WHERE login = '{login}'"), login)
        low, high = paths.check(path) + paths.AFTER_SELF, path + paths.AFTER_SUBTREE
        below = f"SELECT max(id) FROM account WHERE path > '{low}' AND path < '{high}'"
        return Subject(name, login, path, _only(await db.sql(below), "an account below"))


def _only(rows: Sequence[Sequence[Any]], what: str) -> Any:
    if not rows or rows[0][0] is None:
        raise LookupError(f"{what} is missing: is this a database that `canopy seed` has filled?")
    return rows[0][0]


def plain(workload: Workload, data: Any) -> Any:
    """A GraphQL answer as the floors give it: lists for connections, numbers for ids and counts."""
    for field in workload.root:
        data = data[field]
    return _plain(data)


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if not isinstance(value, dict):
        return value
    if "nodes" in value:
        return _plain(value["nodes"])
    if "totalCount" in value:
        return value["totalCount"]
    return {name: int(each.partition("_")[2]) if name == "id" else _plain(each) for name, each in value.items()}
