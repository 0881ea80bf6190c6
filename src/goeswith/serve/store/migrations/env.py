"""Alembic's entry: `Database.migrate` hands over its connection."""

from alembic import context

from goeswith.serve.store.tables import metadata

if hasattr(context, "config"):  # not where this file is only looked at
    connection = context.config.attributes["connection"]
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()
