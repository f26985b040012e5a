"""The change log in GraphQL."""

from typing import Any

import strawberry

from models.statement import Row
from resolvers import changes as log
from resolvers.context import Context
from resolvers.privileges import Privilege
from schema import change_words as words
from schema.arguments import given, instants, ordering
from schema.change_words import ChangeNoun
from schema.connection import connection
from schema.field import column, computed, of_noun, related
from schema.node import NOUNS, Node, global_id, register, row_ids, split
from schema.reference import AccountRef, UserRef
from schema.scalars import DateTime
from schema.values import DateTimeRange


@strawberry.input(description="Which changes.")
class ChangeFilter:
    """Conditions on changes."""

    account: list[strawberry.ID] | None = strawberry.field(
        default=None, description="At one of these accounts, where they are now."
    )
    below: strawberry.ID | None = strawberry.field(
        default=None, description="At accounts below this one, at any depth; at itself not included."
    )
    noun: list[ChangeNoun] | None = strawberry.field(default=None, description="Of one of these kinds of object.")
    object: strawberry.ID | None = strawberry.field(default=None, description="Of this object.")
    operation: list[str] | None = strawberry.field(
        default=None, description="By one of these operations, such as `accountUpdate`."
    )
    user: list[strawberry.ID] | None = strawberry.field(
        default=None, description="By one of these users. Takes the privilege `users:view`."
    )
    at: DateTimeRange | None = strawberry.field(default=None, description="Made in this range.")

    def values(self) -> dict[str, Any]:
        """As the source takes them."""
        return (
            given(
                account=row_ids("acc")(self.account) if self.account is not None else None,
                below=row_ids("acc")([self.below])[0] if self.below is not None else None,
                noun=[words.table_of(each) for each in self.noun] if self.noun is not None else None,
                operation=self.operation,
                user=row_ids("usr")(self.user) if self.user is not None else None,
            )
            | _of_object(self.object)
            | instants("at", self.at)
        )


def _of_object(text: strawberry.ID | None) -> dict[str, Any]:
    if text is None:
        return {}
    prefix, row_id = split(text) or ("", 0)
    if prefix not in NOUNS:
        row_ids("acc")([text])  # no id of anything is refused as no id of an account
    return {"object_noun": (NOUNS[prefix].source.noun,), "object": (row_id,)}


ChangeOrder = ordering("Change", AT="By the instant at which they were made.")

CHANGES = {"filter_type": ChangeFilter, "order_type": ChangeOrder, "privilege": Privilege.CHANGES_VIEW}


@strawberry.type(description="One value that was changed.")
class ChangedField:
    """Part of a change."""

    field: str = strawberry.field(
        description="Its name, as the object's type has it, such as `taxRegistrationId` or `address.city`; few values"
        " are told here alone, such as a `reason`."
    )
    before: str | None = strawberry.field(
        description="What it was: objects as their global ids, amounts as `12.50 EUR` (`12.50` where only the amount"
        " was changed), lists as JSON. Null if there was nothing, or if seeing it takes a further privilege; personal"
        " data is masked without `personal-data:view`."
    )
    after: str | None = strawberry.field(description="What it has become; likewise.")


@strawberry.type(description="One object as one operation changed it. Changes are added, never changed or removed.")
class Change(Node):
    """A row of the change log."""

    is_type_of = of_noun("audit")

    id: strawberry.ID = global_id("chg")
    at: DateTime = column("When it was made.")
    operation: str = column("What was done: the name of the mutation, or what the system did by itself.")

    request_id: str | None = column(
        "The `X-Request-Id` of the request or the socket that it came by, as its answer told it; `job:` and a number"
        " for what the system did by itself. Null for what is older than such ids."
    )

    @computed("The kind of the object that changed.", needs=("noun",))
    def noun(row: Row) -> ChangeNoun:
        return words.noun_of(log.noun_of(row))

    @computed("The object that changed, where its kind has global ids; it may be gone.", needs=("noun", "object_id"))
    def object_id(row: Row) -> strawberry.ID | None:
        prefix = next((each.prefix for each in NOUNS.values() if each.source.noun == log.noun_of(row)), None)
        return strawberry.ID(f"{prefix}_{row.object_id}") if prefix else None

    @computed(
        "Who did it, as they were called then. Null for the system, for a user of an account above, and for who was"
        " since moved out of sight; masked without `personal-data:view`.",
        needs=("actor_name", "actor_path"),
    )
    def actor_name(row: Row, context: Context) -> str | None:
        return log.actor_name(context.caller, row)

    @computed("Whether somebody of an account above the caller's did it.", needs=("actor_path",))
    def is_by_vendor(row: Row, context: Context) -> bool:
        return bool(row.actor_path) and not log.is_within(context.caller, row.actor_path)

    @computed("What changed, by name.", needs=("noun", "before", "after"))
    def fields(row: Row, context: Context) -> list[ChangedField]:
        values = words.told(log.noun_of(row), log.differences(context.caller, row))
        return [ChangedField(field=name, before=old, after=new) for name, old, new in values]

    account: AccountRef | None = related(
        log.account,
        AccountRef,
        "The account that the object belonged to. Null if it is out of sight now.",
        privilege=Privilege.ACCOUNTS_VIEW,
    )
    user: UserRef | None = related(
        log.user,
        UserRef,
        "The user who did it, also while acting as another account. Null for API clients and the system.",
        privilege=Privilege.USERS_VIEW,
    )
    acting_as: AccountRef | None = related(
        log.acting_as,
        AccountRef,
        "The account on whose behalf it was done, if not the user's own.",
        privilege=Privilege.ACCOUNTS_VIEW,
    )


register("chg", "Change", log.by_id, Privilege.CHANGES_VIEW)


@strawberry.type
class ChangeQuery:
    """The change log's part of the root."""

    changes = connection(log.in_scope, Change, "What was changed in the caller's scope, latest first.", **CHANGES)
