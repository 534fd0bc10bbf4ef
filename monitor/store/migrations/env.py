"""Alembic's entry: runs the steps on the connection that `monitor.store.migrate` hands over."""

from alembic import context

connection = context.config.attributes["connection"]
# SQLite cannot alter most of a table in place: a step then copies it ("batch"). Everything
# runs in the caller's transaction, so that a step is done wholly or not at all.
context.configure(connection=connection, render_as_batch=True, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
