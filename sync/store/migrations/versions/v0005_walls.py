"""Walls between organisations: a role for the API, and policies that show it one organisation alone.

The policies stand whether or not the role can be made here; without it the API's statements are the only
wall, and `concord doctor` says what an administrator has to run. SQLite has neither roles nor policies.
"""

from __future__ import annotations

from alembic import op

from sync.store.walls import ROLE, SETTING

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

OWN = f"organisation_id = current_setting('{SETTING}', true)"
BY_PARENT = {
    "connections": (
        "connection_id",
        [
            "budgets",
            "captures",
            "field_maps",
            "inbox",
            "intents",
            "lanes",
            "schedules",
            "sightings",
            "tokens",
        ],
    ),
    "customers": ("customer_id", ["tax_ids"]),
    "runs": ("run_id", ["changes", "planned_records"]),
}
DIRECTLY = (
    "audit",
    "business_entities",
    "conflicts",
    "connections",
    "contacts",
    "contracts",
    "customers",
    "idempotency",
    "jobs",
    "links",
    "phases",
    "runs",
    "wallet_entries",
    "wallets",
)
POLICIES = {
    "organisations": f"id = current_setting('{SETTING}', true)",
    **dict.fromkeys(DIRECTLY, OWN),
    **{
        child: f"EXISTS (SELECT FROM {parent} AS parent WHERE parent.id = {child}.{column} AND parent.{OWN})"
        for parent, (column, children) in BY_PARENT.items()
        for child in children
    },
}

# Databases of one cluster share their roles, and may be migrated at the same moment: whoever comes second
# waits for the first, is refused, and finds the role made.
MAKE_ROLE = f"""
DO $$
DECLARE
    modern boolean := current_setting('server_version_num')::int >= 160000;
    options text := CASE WHEN modern THEN ' WITH INHERIT FALSE, SET TRUE' ELSE '' END;
BEGIN
    FOR attempt IN 1..20 LOOP
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{ROLE}') THEN
                CREATE ROLE {ROLE} NOLOGIN;
            END IF;
            IF NOT pg_has_role(session_user, '{ROLE}', CASE WHEN modern THEN 'SET' ELSE 'MEMBER' END) THEN
                EXECUTE format('GRANT {ROLE} TO %I', session_user) || options;
            END IF;
            RETURN;
        EXCEPTION
            WHEN duplicate_object OR unique_violation OR internal_error THEN
                PERFORM pg_sleep(0.05);
            WHEN insufficient_privilege THEN
                RETURN;
        END;
    END LOOP;
END $$
"""

# Keys are read before anybody knows whose they are. What was done, and the ledger, can only be added to.
GRANT = f"""
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{ROLE}') THEN
        RETURN;
    END IF;
    IF NOT has_schema_privilege('{ROLE}', current_schema(), 'USAGE') THEN
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO {ROLE}', current_schema());
    END IF;
    EXECUTE format(
        'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %I TO {ROLE}', current_schema()
    );
    EXECUTE format(
        'ALTER DEFAULT PRIVILEGES IN SCHEMA %I GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {ROLE}',
        current_schema()
    );
    REVOKE ALL ON alembic_version, api_keys, api_key_organisations FROM {ROLE};
    REVOKE INSERT, UPDATE, DELETE ON organisations FROM {ROLE};
    REVOKE UPDATE, DELETE ON audit, wallet_entries FROM {ROLE};
END $$
"""  # noqa: S608 - our own names


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for table, condition in POLICIES.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY own_organisation ON {table} USING ({condition})")
    op.execute(MAKE_ROLE)
    op.execute(GRANT)


def downgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for table in POLICIES:
        op.execute(f"DROP POLICY own_organisation ON {table}")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
