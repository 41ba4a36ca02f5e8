"""What hooks are told of is noted by the database itself, in the transaction of the effect, whoever made it.

So no statement can forget it, and where nobody is to be told it costs one look at a small table for each
statement. Whoever changes these adds a migration that runs `statements` anew. The names that they use need to
be there only when they fire.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, event

from sync.store.schema import metadata

_CONFLICT = ("conflict_id", "id"), ("kind", "kind"), ("field", "field")
_PLACE = ("connection_id", "connection_id"), ("customer_id", "customer_id")
_RUN = ("run_id", "id"), ("kind", "kind"), ("trigger", "trigger"), ("state", "state")
_ENDED = "('done', 'failed', 'cancelled', 'needs_approval')"
_COLUMNS = "id, organisation_id, hook_id, event, data, created_at, state, attempts, not_before"

# Name → table, statement and event; columns of the data; condition. `now` is the row, `was` the old one.
TRIGGERS = {
    "hook_conflict_added": (
        ("conflicts", "INSERT", "conflict.opened"),
        (*_CONFLICT, *_PLACE),
        "now.state = 'open'",
    ),
    "hook_conflict_reopened": (
        ("conflicts", "UPDATE", "conflict.opened"),
        (*_CONFLICT, *_PLACE),
        "now.state = 'open' AND was.state <> 'open'",
    ),
    "hook_run_finished": (
        ("runs", "UPDATE", "run.finished"),
        (*_RUN, ("connection_id", "connection_id"), ("counts", None)),
        f"now.state <> was.state AND now.state IN {_ENDED}",
    ),
    "hook_customer_added": (
        ("customers", "INSERT", "customer.updated"),
        (("customer_id", "id"), ("version", "version"), ("change", "'created'")),
        "now.version = 1",
    ),
    "hook_customer_changed": (
        ("customers", "UPDATE", "customer.updated"),
        (
            ("customer_id", "id"),
            ("version", "version"),
            ("change", "CASE WHEN now.deleted_at IS NULL THEN 'updated' ELSE 'deleted' END"),
        ),
        "now.version <> was.version",
    ),
}


def statements(dialect: str) -> Iterator[str]:
    """What makes the triggers, instead of those that are there."""
    make = _postgresql if dialect == "postgresql" else _sqlite
    for name, (place, columns, condition) in TRIGGERS.items():
        yield from make(name, place, columns, condition)


def _value(column: str | None, counts: str) -> str:
    if column is None:
        return counts
    return column if column.startswith(("'", "CASE")) else f"now.{column}"


def _postgresql(name: str, place: tuple[str, str, str], columns: Any, condition: str) -> Iterator[str]:
    table, verb, told = place
    counts = (
        "(SELECT json_object_agg(key, value) FROM json_each(CAST(now.counts AS json)) "
        "WHERE json_typeof(value) = 'number')"
    )
    data = ", ".join(f"'{key}', {_value(column, counts)}" for key, column in columns)
    # The time of the id, which sorts, then the random part of a UUID (RFC 9562, version 7).
    key = (
        "lpad(to_hex(CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)), 12, '0') || '7' || "
        "substr(replace(CAST(gen_random_uuid() AS text), '-', ''), 14)"
    )
    rows = "fresh AS now"
    if verb == "UPDATE":
        rows += " JOIN past AS was ON was.id = now.id"
    yield f"""
CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    IF EXISTS (SELECT FROM hooks WHERE state = 'active') THEN
        INSERT INTO hook_deliveries ({_COLUMNS})
        SELECT {key}, now.organisation_id, hooks.id, '{told}', CAST(json_build_object({data}) AS text),
            clock_timestamp(), 'waiting', 0, clock_timestamp()
        FROM {rows} JOIN hooks ON hooks.organisation_id = now.organisation_id
        WHERE hooks.state = 'active' AND strpos(hooks.events, '"{told}"') > 0 AND {condition};
    END IF;
    RETURN NULL;
END $body$
"""  # noqa: S608 - our own names
    past = "OLD TABLE AS past " if verb == "UPDATE" else ""
    yield f"DROP TRIGGER IF EXISTS {name} ON {table}"
    yield (
        f"CREATE TRIGGER {name} AFTER {verb} ON {table} REFERENCING {past}NEW TABLE AS fresh "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {name}()"
    )


def _sqlite(name: str, place: tuple[str, str, str], columns: Any, condition: str) -> Iterator[str]:
    table, verb, told = place
    counts = (
        "(SELECT json_group_object(key, value) FROM json_each(now.counts) WHERE type IN ('integer', 'real'))"
    )
    data = ", ".join(f"'{key}', {_value(column, counts)}" for key, column in columns)
    at = "strftime('%Y-%m-%d %H:%M:%f000', 'now')"
    key = (
        "printf('%012x', CAST(strftime('%s', 'now') AS INTEGER) * 1000 "
        "+ CAST(substr(strftime('%f', 'now'), 4) AS INTEGER)) || '7' || "
        "substr(lower(hex(randomblob(2))), 2) || '8' || substr(lower(hex(randomblob(8))), 2)"
    )
    text = f"""
CREATE TRIGGER {name} AFTER {verb} ON {table} WHEN {condition} BEGIN
    INSERT INTO hook_deliveries ({_COLUMNS})
    SELECT {key}, now.organisation_id, hooks.id, '{told}', json_object({data}), {at}, 'waiting', 0, {at}
    FROM hooks
    WHERE hooks.organisation_id = now.organisation_id AND hooks.state = 'active'
        AND instr(hooks.events, '"{told}"') > 0;
END
"""  # noqa: S608 - our own names
    yield f"DROP TRIGGER IF EXISTS {name}"
    yield text.replace("now.", "NEW.").replace("was.", "OLD.")


def _create(_: object, tx: Connection, **_options: object) -> None:
    for statement in statements(tx.dialect.name):
        tx.exec_driver_sql(statement, execution_options={"no_parameters": True})


event.listen(metadata, "after_create", _create)
