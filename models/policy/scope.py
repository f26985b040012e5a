"""The scope of a connection, and the words in which rules speak of it.

Rules are SQL in which `{lo}` and its like stand for the scope:

    {lo} {hi}       the range of paths of the caller's place and reach
    {span}          the longest path that is in reach
    {seller_span}   the longest path of a seller whose prices are in reach
    {account}       the caller's account
    {vendor}        the account above it; 0 for the provider
    {only_user}     the user to whom the view is narrowed; 0 when it isn't
    {prices}        1 when prices are part of the view
    {is_own}        being one of the services in which that user has a seat
    {catalogue}     1 for the provider's own staff, who see all that is for sale
    {finances}      1 when balances and invoices are part of the view
    {changes}       1 when the change log is part of the view

A rule is a pure filter: the planner must not choose an index by it (storage reference §4.3), so PostgreSQL wraps it
in CASE and SQLite writes `+path`. Sub-queries of a rule go through the rules of the tables they name.
"""

from collections.abc import Callable

SETTINGS = (
    "lo", "hi", "span", "seller_span", "account", "vendor", "only_user", "prices", "catalogue", "finances", "changes",
)  # fmt: skip
"""What a scope consists of, in the order in which connections are told."""

TEXTS = frozenset({"lo", "hi"})
"""The others are numbers."""

WITHIN = "{filter_}path >= {lo} AND {filter_}path < {hi} AND length({filter_}path) <= {span}"
NOT_NARROWED = "{only_user} = 0"
SELLER_WITHIN = (
    "{filter_}seller_path >= {lo} AND {filter_}seller_path < {hi} AND length({filter_}seller_path) <= {seller_span}"
)
OF_SELLER = f"{{prices}} = 1 AND {SELLER_WITHIN}".replace("seller_path", "path")


def render(rule: str, setting: Callable[[str], str], words: dict[str, str]) -> str:
    """A rule in the SQL of an engine.

    Args:
        rule: in the words above.
        setting: how the engine reads a setting of the scope.
        words: what the engine has for the others, by name.
    """
    return rule.format_map({name: setting(name) for name in SETTINGS} | words)
