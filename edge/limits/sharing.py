"""How much of the gateway one caller, account, address or process may take: the settings of budgets and places."""

from dataclasses import dataclass
from enum import StrEnum

from edge.setting import number, setting, whole

_POINTS = 1_000_000_000
_MANY = 1_000_000
_SECONDS = "a number of seconds from 0.1 to 3600"


class TellCost(StrEnum):
    """Where an answer tells what it has cost."""

    ALWAYS = "always"
    HEADER = "header"


def _redis_url(text: str) -> str:
    if not text.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError
    return text


@dataclass(frozen=True, slots=True)
class SharingSettings:
    """What one caller, account, address or process may take."""

    budget: int = setting(
        1_000,
        "points that a caller may spend at once; an operation costs roughly as many as it answers with objects. A user"
        " who works as another account has one more budget there. `0`: no bound",
        whole(0, _POINTS),
        takes="a number",
    )
    budget_refill: float = setting(
        50.0, "points a second that a caller gets back", number(0.001, _POINTS), takes="a number above 0"
    )
    account_budget: int = setting(
        4_000,
        "the same for all callers of an account together. `0`: no bound",
        whole(0, _POINTS),
        takes="a number",
    )
    account_budget_refill: float = setting(
        200.0, "points a second that an account gets back", number(0.001, _POINTS), takes="a number above 0"
    )
    tell_cost: TellCost = setting(
        TellCost.ALWAYS,
        "`always`: each answer tells in `extensions.cost` what it has cost and what is left; `header`: headers of HTTP"
        " alone do",
        TellCost,
        takes="always or header",
    )
    redis_url: str = setting(
        "",
        "where several processes keep what they share, budgets and the texts of automatic persisted queries:"
        " `redis://:password@host:6379/0`, or `rediss://` for TLS; takes `pip install canopy-gateway[redis]`. Without"
        " it each process counts, and remembers, for itself",
        _redis_url,
        takes="redis://host:port/database",
        shown="none",
        is_secret=True,
    )
    redis_seconds: float = setting(
        0.15,
        "for how long Redis is waited for; after that the process counts for itself, and tries it again every 5 s",
        number(0.001, 60),
        takes="a number of seconds up to 60",
    )
    processes: int = setting(
        1,
        "processes that serve one gateway. Without Redis each gives its share of a budget: half of it if there are 2."
        " `canopy serve --workers` sets it",
        whole(1, 10_000),
        takes="a number from 1",
    )
    max_operations: int = setting(
        50, "operations of a caller at once, those that listen not counted", whole(1, _MANY), takes="a number from 1"
    )
    account_max_operations: int = setting(
        100, "the same for all callers of an account together", whole(1, _MANY), takes="a number from 1"
    )
    process_max_operations: int = setting(
        200,
        "the same for a process: beyond it, everybody is told to come back",
        whole(1, _MANY),
        takes="a number from 1",
    )
    account_turns: int = setting(
        4,
        "operations of an account that are worked on at once; the others of those above wait. Half of a process's"
        " connections for reading: so nobody's slow questions can take all",
        whole(1, _MANY),
        takes="a number from 1",
    )
    sockets_per_user: int = setting(20, "sockets of a caller in a process", whole(1, _MANY), takes="a number from 1")
    socket_operations: int = setting(
        50, "operations of one socket at once, those that listen included", whole(1, _MANY), takes="a number from 1"
    )
    socket_seconds: float = setting(
        5.0, "in which somebody who has opened a socket says who they are", number(0.1, 3600), takes=_SECONDS
    )
    live_per_user: int = setting(200, "operations of a caller that listen", whole(1, _MANY), takes="a number from 1")
    live_per_account: int = setting(
        1_000, "the same for all callers of an account together", whole(1, _MANY), takes="a number from 1"
    )
    request_seconds: float = setting(
        10.0,
        "in which an operation is answered, or broken off; a single statement has 5 s",
        number(0.1, 3600),
        takes=_SECONDS,
    )
    strangers: int = setting(
        60,
        "requests without a good token that one network may send before it is told to wait; one more a second. `0`: no"
        " bound",
        whole(0, _MANY),
        takes="a number",
    )
    connections: int = setting(
        2_000,
        "connections of a process, sockets included; more are closed at once. `0`: no bound",
        whole(0, _MANY),
        takes="a number",
    )
    connections_of_address: int = setting(
        100,
        "the same for one address, or one /64 of IPv6; those of `CANOPY_TRUSTED_PROXIES` have no such bound. `0`: no"
        " bound",
        whole(0, _MANY),
        takes="a number",
    )
    head_seconds: float = setting(
        10.0, "in which a connection sends the whole head of a request", number(0.1, 3600), takes=_SECONDS
    )
    max_head: int = setting(
        64 * 1024,
        "bytes of a head: the address and the headers. Larger ones are refused while they come",
        whole(1024, 2**24),
        takes="a number of bytes from 1024",
    )
