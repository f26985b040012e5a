"""What is left of a day: the change log, the mail, and a sound database."""

from collections import Counter

from tests.day.catalogue import PROVIDER
from tests.day.client import Data, unnumbered
from tests.day.day import Day

_CHANGES = """query($after: String) { changes(first: 100, after: $after) { pageInfo { hasNextPage endCursor } nodes {
    operation noun actorName isByVendor account { id name } actingAs { name }
    fields { field before after } } } }"""
_TOLD = (
    *("amount", "autoRenew", "creditLimit", "isRight", "kind", "name"),
    *("quantity", "status", "statusReason", "terms", "type"),
)
"""Fields whose values are told: no ids and no instants."""
_REPEATED = (" actAs: ", " userSecurityAnswerCheck: ", " accountUpdate: ACCOUNT of Morning Cloud:", " orderUpdate: ")
"""What is recorded as often as it has to be done until it is answered, or heard."""


def the_change_log_tells_the_story(day: Day) -> None:
    """The change log tells what people did, in order, and what the platform did by itself for who came today."""
    changes = list(day.person(PROVIDER).all_of(_CHANGES, "changes"))
    for line in _without_repetitions([_told(change) for change in reversed(changes) if change["actorName"]]):
        day.tell(line)
    newcomers = set(day.ids.values())
    by_itself = Counter(
        _told(change) for change in changes if not change["actorName"] and change["account"]["id"] in newcomers
    )
    for line, times in sorted(by_itself.items()):
        day.tell(f"by itself, {times} times: {line}")


def _told(change: Data) -> str:
    who = change["actorName"] or ""
    if change["actingAs"]:
        who += f" as {change['actingAs']['name']}"
    whose = f" of {change['account']['name']}" if change["account"] else ""
    fields = sorted(change["fields"], key=lambda field: str(field["field"]))
    told = [f"{field['field']} {field['before']} → {field['after']}" for field in fields if field["field"] in _TOLD]
    return f"{who} {change['operation']}: {change['noun']}{whose}: {', '.join(told)}".strip()


def _without_repetitions(lines: list[str]) -> list[str]:
    """Without what was recorded anew because an answer was lost."""
    pairs = zip(lines, [*lines[1:], ""], strict=True)
    return [line for line, next_ in pairs if not (line == next_ and any(known in line for known in _REPEATED))]


def the_mail_has_come(day: Day) -> None:
    """Everybody of the day has got their mail, each once."""
    mails = [mail for mail in day.mailbox.all() if mail.to in day.people]
    for line in sorted(f"{mail.sender} to {mail.to}: {unnumbered(mail.subject)}" for mail in mails):
        day.tell(line)


def the_database_is_sound(day: Day) -> None:
    """`canopy check` finds that all that is derived follows from what it is derived from."""
    _, printed = day.platform.command("check")
    for line in printed.splitlines():
        day.tell(line)
