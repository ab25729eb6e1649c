"""Alembic's entry; the connection is handed in by `wa_analytics.database.schema`."""

from alembic import context
from sqlmodel import SQLModel

import wa_analytics.tables  # noqa: F401

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=SQLModel.metadata,
    render_as_batch=False,
    compare_type=False,
)
with context.begin_transaction():
    context.run_migrations()
