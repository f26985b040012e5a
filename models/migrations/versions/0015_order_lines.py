"""Orders: what each line is charged, and a term that is worked out anew when an order is submitted again.

The statements stand as plain SQL beside this file, one for each engine, as they would be read in review.
"""

from pathlib import Path

from alembic import op

revision = "0015"
down_revision = "0013"


def upgrade() -> None:
    """Create what is new, and work it out for the orders that were placed before."""
    bind = op.get_bind()
    script = Path(__file__).with_suffix(f".{bind.dialect.name}.sql").read_text()
    for statement in script.split(";\n\n"):
        if statement.strip():
            bind.exec_driver_sql(statement)
