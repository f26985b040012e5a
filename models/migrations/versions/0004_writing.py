"""Writing: who may change which row, and what is written down about it: change log, outbox, jobs, answers.

The statements stand as plain SQL beside this file, one for each engine, as they would be read in review. SQLite's
rules for writing are made with each connection.
"""

from pathlib import Path

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create the tables, the role of writers and its policies."""
    bind = op.get_bind()
    script = Path(__file__).with_suffix(f".{bind.dialect.name}.sql").read_text()
    for statement in script.split(";\n\n"):
        if statement.strip():
            bind.exec_driver_sql(statement)
