"""Browsers sign in by external issuers, and stay signed in by them.

The statements stand as plain SQL beside this file, one for each engine, as they would be read in review.
"""

from pathlib import Path

from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Create what is new."""
    bind = op.get_bind()
    script = Path(__file__).with_suffix(f".{bind.dialect.name}.sql").read_text()
    for statement in script.split(";\n\n"):
        if statement.strip():
            bind.exec_driver_sql(statement)
