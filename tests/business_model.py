"""The business as a few dictionaries: what an operation must come to, said without rows, scopes or locks."""

from tests.business_people import People


class Business(People):
    """All that can be done: in the tree, with orders and subscriptions, with people."""
