"""Run by alembic: migrates over the connection that `sync.store.migrate` hands in."""

from __future__ import annotations

from alembic import context

from sync.store import schema, worktables

assert worktables.jobs.metadata is schema.metadata  # noqa: S101 - both modules fill one metadata

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
