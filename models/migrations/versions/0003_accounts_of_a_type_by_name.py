"""Accounts of a type by name: customers by name is the list that is asked for most."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the index."""
    op.execute("CREATE INDEX account_type_name ON account (type, name_key, id)")
