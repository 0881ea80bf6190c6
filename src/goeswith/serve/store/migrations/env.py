"""Alembic's entry: `Database.migrate` hands over its connection."""

from alembic import context

from goeswith.serve.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
