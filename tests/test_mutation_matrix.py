"""Who may change what, and where in the tree: a matrix that a person can read, made by trying everything as everybody.

What is tried stands in `tests/inputs`, a module for each noun. `pytest tests/test_mutation_matrix.py --update`
rewrites `tests/snapshots/mutations.txt`; read the diff.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from models import RoleCode
from models.scope import Reach
from models.store import Store
from resolvers.caller import Actor, Caller
from resolvers.inputs import Refers
from resolvers.privileges import ROLES, Privilege
from tests.asking import caller_at
from tests.changes import user_of
from tests.databases import Databases
from tests.hierarchy import World, path_of
from tests.inputs.trial import Trial
from tests.lists import seen_by
from tests.trying import TRIALS, TRIED, attempt
from tests.worlds import holding

SNAPSHOT = Path(__file__).parent / "snapshots" / "mutations.txt"
LEGEND = """\
Who may change what, and where. `pytest tests/test_mutation_matrix.py --update` rewrites this file.

Each column is a place in the tree, seen from the caller's account: its own, one right below it, one further below, one
beside it, the one above it, one elsewhere, none at all. A cell is the answer: `done`, or the code of the refusal; a dot
where there is no such place. The reseller is one below another reseller; both work for all that they have below them
unless it says otherwise."""

PLACES = ("own", "child", "grandchild", "sibling", "vendor", "elsewhere", "absent")
ANYWHERE = "anywhere"
"""Where things are that have no place in the tree."""
ABSENT = 999
WHERE: dict[int, tuple[int | None, ...]] = {
    1: (1, 2, 7, None, None, None, ABSENT),
    3: (3, 6, 5, 7, 2, 12, ABSENT),
    7: (7, None, None, 8, 2, 12, ABSENT),
}
"""For each account that callers belong to the accounts at the places."""

_ROLE = RoleCode
_USERS: dict[str, tuple[int, RoleCode]] = {
    "provider: full access": (1, _ROLE.PROVIDER_FULL_ACCESS),
    "provider: accountant": (1, _ROLE.ACCOUNTANT),
    "provider: support engineer": (1, _ROLE.SUPPORT_ENGINEER),
    "reseller: full access": (3, _ROLE.RESELLER_FULL_ACCESS),
    "reseller: sales manager": (3, _ROLE.SALES_MANAGER),
    "reseller: accountant": (3, _ROLE.ACCOUNTANT),
    "reseller: support engineer": (3, _ROLE.SUPPORT_ENGINEER),
    "customer: full access": (7, _ROLE.CUSTOMER_FULL_ACCESS),
    "customer: limited administrator": (7, _ROLE.LIMITED_ADMINISTRATOR),
}


def everybody(world: World) -> dict[str, Caller]:
    """Everyone who tries."""
    callers = {}
    for name, (account_id, role) in _USERS.items():
        reach = Reach.OWN if account_id == 7 else Reach.SUBTREE
        callers[name] = caller_at(account_id, reach, role, user_id=user_of(world, account_id))
    reseller = user_of(world, 3)
    for reach in (Reach.DIRECT, Reach.OWN):
        name = f"reseller: full access, reach {reach.value}"
        callers[name] = caller_at(3, reach, _ROLE.RESELLER_FULL_ACCESS, user_id=reseller)
    service = user_of(world, 7, "SERVICE_USER")
    callers["customer: service user"] = caller_at(
        7, Reach.OWN, _ROLE.SERVICE_USER, user_id=service, is_service_user=True
    )
    client = next(row["id"] for row in world["api_client"] if row["account_id"] == 3)
    granted = ROLES[_ROLE.RESELLER_FULL_ACCESS]
    for name, privileges in {
        "API client of the reseller: all privileges": granted,
        "API client of the reseller: no personal data": granted - {Privilege.PERSONAL_DATA_VIEW},
        "API client of the reseller: sees all, changes nothing": frozenset(
            each for each in Privilege if each.value.endswith(":view")
        ),
    }.items():
        callers[name] = Caller(path=path_of(3), privileges=privileges, client_id=client)
    acting = ROLES[_ROLE.RESELLER_FULL_ACCESS] & ROLES[_ROLE.CUSTOMER_FULL_ACCESS]
    vendor = Actor(user_of(world, 2), path_of(2), "Ada Byron", "Vendor")
    callers["the customer's vendor, acting as the customer"] = Caller(
        path=path_of(7), privileges=acting, reach=Reach.OWN, actor=vendor
    )
    callers["nobody: no privileges"] = caller_at(3, user_id=reseller, privileges=frozenset())
    return callers


@pytest.fixture(scope="module")
async def store(databases: Databases, marked_world: World) -> AsyncIterator[Store]:
    """A copy of the hierarchy for this file."""
    async with holding(databases, "marked", marked_world) as store:
        yield store


async def cell(store: Store, world: World, caller: Caller, trial: Trial, account: int | None) -> str:
    """What comes of a trial at a place."""
    if account is None:
        return "."
    before = trial.before(world, account) if account != ABSENT else ()
    tried = await attempt(store, caller, trial, trial.given(world, account), before)
    return "+".join(sorted(tried.codes)) or "done"


async def test_everybody_may_change_what_the_matrix_says(
    store: Store, marked_world: World, request: pytest.FixtureRequest
) -> None:
    callers = everybody(marked_world)
    width = max(map(len, callers)) + 2
    out = [LEGEND, ""]
    for trial in TRIALS:
        places = PLACES if trial.has_place else (ANYWHERE,)
        out += [trial.title, "  " + " " * width + "".join(place.ljust(20) for place in places)]
        for name, caller in callers.items():
            accounts = WHERE[caller.account_id] if trial.has_place else (caller.account_id,)
            cells = [await cell(store, marked_world, caller, trial, account) for account in accounts]
            out.append("  " + name.ljust(width) + "".join(each.ljust(20) for each in cells))
        out.append("")
    found = "\n".join(line.rstrip() for line in out)
    if request.config.getoption("--update") and store.engine == "sqlite":
        SNAPSHOT.write_text(found)

    assert found.splitlines() == SNAPSHOT.read_text().splitlines()


def test_every_operation_stands_in_the_matrix() -> None:
    titles = [trial.title for trial in TRIALS]

    assert {trial.operation for trial in TRIALS} == set(TRIED)
    assert len(set(titles)) == len(titles)
    assert set(titles) <= set(SNAPSHOT.read_text().splitlines())


def test_nothing_out_of_reach_is_ever_done() -> None:
    places: list[str] = []
    found: dict[str, set[str]] = {place: set() for place in (*PLACES, ANYWHERE)}
    for line in SNAPSHOT.read_text().splitlines():
        if line.split() in ([*PLACES], [ANYWHERE]):
            places = line.split()
        elif line.startswith("  "):
            for place, each in zip(places, line.split()[-len(places) :], strict=True):
                found[place].add(each)

    for place in ("sibling", "vendor", "elsewhere", "absent"):
        assert "NOT_FOUND" in found[place]
        assert found[place] <= {".", "NOT_FOUND", "FORBIDDEN"}, place


# Hidden is absent


def _ids(trial: Trial) -> list[tuple[str, str]]:
    """The fields of an operation's input that are ids, with their tables."""
    hints = get_type_hints(TRIED[trial.operation].input, include_extras=True)
    found = []
    for name in TRIED[trial.operation].input.model_fields:
        parts = [hints[name], *get_args(hints[name])]
        found += [(name, each.table) for part in parts for each in get_args(part) if isinstance(each, Refers)]
    return found


@pytest.mark.parametrize("trial", TRIALS, ids=[trial.title for trial in TRIALS])
async def test_a_hidden_id_is_refused_like_an_absent_one(store: Store, marked_world: World, trial: Trial) -> None:
    caller = everybody(marked_world)["reseller: full access"]
    child = WHERE[3][PLACES.index("child")]
    assert child is not None
    given = trial.given(marked_world, child)
    for name, table in _ids(trial):
        seen = seen_by(marked_world, caller.scope())[table]
        hidden = [row["id"] for row in marked_world[table] if row not in seen][:3]
        found = [
            await attempt(store, caller, trial, given | {name: row_id}, trial.before(marked_world, child))
            for row_id in (*hidden, 0, 10**12)
        ]

        assert {each.codes for each in found} == {found[0].codes}, name
        assert found[0].codes, name
        assert {repr(each.outcome) for each in found} == {repr(found[0].outcome)}, name
        assert {tuple(map(id, each.sent)) for each in found} == {tuple(map(id, found[0].sent))}, name
