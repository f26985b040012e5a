"""Alembic's entry: runs the versions on the connection that `migrate` hands over."""

from alembic import context
from sqlmodel import SQLModel

import models  # registers every table  # noqa: F401

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    render_as_batch=True,
    transaction_per_migration=False,
)
context.run_migrations()
