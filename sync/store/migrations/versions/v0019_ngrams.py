"""Parts of names and values are found by an index of their n-grams, which needs no extension.

The letters of a text, three by three, and the one or two that it ends with: so a text of one or two letters
is found, too, as the beginning of a gram. A text of more than 10,000 letters is marked instead, by a gram
that is longer than any other, and is looked at by every search. The cost keeps planners from computing grams
row by row.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

OPEN = sa.text("state = 'open'")
LONGEST = 10_000
GRAMS = f"""
CREATE FUNCTION concord_ngrams(value text) RETURNS tsvector
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 10000 AS $$
DECLARE
  letters text[];
  grams text[] := '{{}}';
BEGIN
  IF length(value) > {LONGEST} THEN
    RETURN array_to_tsvector(ARRAY['long']);
  END IF;
  letters := string_to_array(lower(value), NULL);
  FOR place IN 1 .. coalesce(array_length(letters, 1), 0) LOOP
    grams := grams
      || (letters[place] || coalesce(letters[place + 1], '') || coalesce(letters[place + 2], ''));
  END LOOP;
  RETURN array_to_tsvector(grams);
END $$
"""
QUERY = r"""
CREATE FUNCTION concord_ngram_query(value text) RETURNS tsquery
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  folded text := lower(value);
  ending text := CASE WHEN length(folded) < 3 THEN ':*' ELSE '' END;
  found text := '';
  gram text;
BEGIN
  FOR place IN 1 .. greatest(length(folded) - 2, 1) LOOP
    gram := replace(replace(substr(folded, place, 3), '\', '\\'), '''', '''''');
    found := found || '''' || gram || '''' || ending || ' & ';
  END LOOP;
  RETURN ('(' || rtrim(found, ' &') || ') | long')::tsquery;
END $$
"""
INDEXES = {
    "ix_customers_ngrams": "customers USING gin (concord_ngrams(customer_name))",
    "ix_conflicts_ngrams": (
        "conflicts USING gin (concord_ngrams(local || ' ' || remote)) WHERE state = 'open'"
    ),
}


def upgrade() -> None:
    op.create_index(
        "ix_conflicts_open_ref",
        "conflicts",
        ["ref", "organisation_id"],
        sqlite_where=OPEN,
        postgresql_where=OPEN,
    )
    if op.get_bind().dialect.name != "postgresql":
        return
    for name in ("ix_customers_trigrams", "ix_conflicts_trigrams"):
        op.execute(f"DROP INDEX IF EXISTS {name}")
    for function in (GRAMS, QUERY):
        op.execute(function)
    for name in ("concord_ngrams", "concord_ngram_query"):
        op.execute(f"GRANT EXECUTE ON FUNCTION {name}(text) TO PUBLIC")
    for name, place in INDEXES.items():
        op.execute(f"CREATE INDEX {name} ON {place}")
    op.execute("ANALYZE customers, conflicts")  # a planner that knows nothing of the grams takes none


def downgrade() -> None:
    op.drop_index("ix_conflicts_open_ref", "conflicts")
    if op.get_bind().dialect.name != "postgresql":
        return
    for name in INDEXES:
        op.execute(f"DROP INDEX {name}")
    for name in ("concord_ngrams", "concord_ngram_query"):
        op.execute(f"DROP FUNCTION {name}(text)")
