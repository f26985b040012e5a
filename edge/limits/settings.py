"""How much of what is taken: the settings of limits."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.setting import setting, whole

if TYPE_CHECKING:
    from schema.limits.bounds import Bounds

WIDEST_TOKENS, WIDEST_SELECTIONS = 15_000, 20_000
"""Those of `schema.limits.bounds.WIDEST`, which commands that only read settings have no need of."""
_DIGITS = 1_000_000


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """What an operation may ask for. Documents that were registered are trusted, and may ask for more."""

    max_tokens: int = setting(
        2_000,
        "tokens of a document. Reading one takes 0.1 s of a processor at the default; GraphiQL's own question about"
        " the schema has 163",
        whole(100, WIDEST_TOKENS),
        takes=f"a number from 100 to {WIDEST_TOKENS}",
    )
    trusted_max_tokens: int = setting(
        WIDEST_TOKENS,
        "the same for a registered document",
        whole(100, WIDEST_TOKENS),
        takes=f"a number from 100 to {WIDEST_TOKENS}",
    )
    max_depth: int = setting(
        12,
        "fields below each other, leaves included, fragments opened; what asks about the schema itself isn't counted."
        " The tree goes in circles: `parent { children { nodes { parent` ...",
        whole(1, 50),
        takes="a number from 1 to 50",
    )
    trusted_max_depth: int = setting(20, "the same for a registered document", whole(1, 50), takes="1 to 50")
    max_aliases: int = setting(
        30,
        "fields under another name, fragments opened: the same thing asked for many times. Registered documents may"
        " have any number",
        whole(0, _DIGITS),
        takes="a number",
    )
    max_root_fields: int = setting(
        20,
        "fields at the root of a query. Registered ones may have any number",
        whole(1, _DIGITS),
        takes="a number from 1",
    )
    max_mutations: int = setting(
        5,
        "fields of a mutation, of a registered one too: each is a transaction, one after the other",
        whole(1, _DIGITS),
        takes="a number from 1",
    )
    max_directives: int = setting(
        30,
        "directives, fragments opened. Registered documents may have any number",
        whole(0, _DIGITS),
        takes="a number",
    )
    max_selections: int = setting(
        5_000,
        "fields and fragments, each as often as it is opened: fragments within fragments make few tokens many",
        whole(10, WIDEST_SELECTIONS),
        takes=f"a number from 10 to {WIDEST_SELECTIONS}",
    )
    trusted_max_selections: int = setting(
        WIDEST_SELECTIONS,
        "the same for a registered document",
        whole(10, WIDEST_SELECTIONS),
        takes=f"a number from 10 to {WIDEST_SELECTIONS}",
    )
    max_list: int = setting(
        1_000,
        "items of a list in an operation's variables. `nodes`, and mutations of many things, take 100 whatever this is",
        whole(1, _DIGITS),
        takes="a number from 1",
    )
    max_page: int = setting(
        100, "rows of a page, registered documents' too: what `first` and `last` take", whole(1, 100), takes="1 to 100"
    )
    max_errors: int = setting(
        5, "errors of a document or of variables that are told", whole(1, 100), takes="a number from 1 to 100"
    )
    max_cost: int = setting(
        1_000,
        "what an operation may be estimated to cost: roughly the objects that it can answer with; `docs/limits.md` says"
        " how that is counted",
        whole(1, _DIGITS),
        takes="a number from 1",
    )
    trusted_max_cost: int = setting(
        5_000, "the same for a registered document", whole(1, _DIGITS), takes="a number from 1"
    )
    max_objects: int = setting(
        25_000,
        "objects that an answer may hold, values such as amounts among them, however few it was estimated to have: a"
        " list that takes no `first` may be longer than it is assumed to be",
        whole(1, 500_000),
        takes="a number up to 500000",
    )
    trusted_max_objects: int = setting(
        125_000, "the same for a registered document", whole(1, 500_000), takes="a number up to 500000"
    )

    def bounds(self, *, is_trusted: bool = False) -> "Bounds":
        """What an operation may have, by whether its document is registered."""
        from schema.limits.bounds import NONE, Bounds

        if is_trusted:
            return Bounds(
                tokens=self.trusted_max_tokens,
                depth=self.trusted_max_depth,
                aliases=NONE,
                root_fields=NONE,
                mutation_fields=self.max_mutations,
                directives=NONE,
                selections=self.trusted_max_selections,
                list_size=self.max_list,
                cost=self.trusted_max_cost,
                objects=self.trusted_max_objects,
            )
        return Bounds(
            tokens=self.max_tokens,
            depth=self.max_depth,
            aliases=self.max_aliases,
            root_fields=self.max_root_fields,
            mutation_fields=self.max_mutations,
            directives=self.max_directives,
            selections=self.max_selections,
            list_size=self.max_list,
            cost=self.max_cost,
            objects=self.max_objects,
        )
