"""Run by alembic: migrates over the connection that `sync.store.migrate` hands in."""

from __future__ import annotations

from alembic import context

from sync.store import (
    billtables,
    hooktables,
    hooktriggers,
    importtables,
    keytables,
    schema,
    usertables,
    worktables,
)

for module in (billtables, hooktables, hooktriggers, importtables, keytables, usertables, worktables):
    assert module.metadata is schema.metadata  # noqa: S101 - all of them fill one metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=schema.metadata,
    transaction_per_migration=False,
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
