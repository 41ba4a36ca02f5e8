"""The tables of records: organisations, connections, customers, links, sightings, conflicts.

Indexes begin with the column that tells records apart, not with the one that all rows of a page share: a
planner without statistics would take the latter for enough, and read everything.

`worktables.py` holds those of work: jobs, intents, schedules, runs; `billtables.py` the billing records that
no CRM knows; `keytables.py` those of the API's keys. Every change of a table goes through
a migration in `migrations/versions`; a test holds the two equal.

Ids are UUIDs in time order, made by us, kept as text of 32 hex digits so that both databases sort and
show them alike.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from sync.store.types import Json, UtcDateTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

ID = String(32)

organisations = Table(
    "organisations",
    metadata,
    Column("id", ID, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("created_at", UtcDateTime, nullable=False),
)

connections = Table(
    "connections",
    metadata,
    Column("id", ID, primary_key=True),
    Column("organisation_id", ID, ForeignKey("organisations.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("connector", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("credentials", Text, nullable=False),  # sealed
    Column("settings", Json, nullable=False),
    Column("map_version", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("state_reason", Text),
    Column("account_id", Text),
    Column("inspected_at", UtcDateTime),  # when account and map were last held against the CRM
    Column("key_unique", Boolean, nullable=False, default=True),
    Column("first_sync", Text, nullable=False, default="waiting"),  # see `connections.py`
    Column("cursor", Json),
    Column("listing", Json),  # where a full listing that is under way goes on
    Column("listed_at", UtcDateTime),  # end of the last complete listing
    Column("looked_at", UtcDateTime),
    Column("swept_at", UtcDateTime),  # when deleted records were last looked for
    Column("drift", Integer),  # records that the last full compare found changed or gone, unannounced
    Column("compared_at", UtcDateTime),  # end of the last full compare
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("organisation_id", "name"),
)

field_maps = Table(
    "field_maps",
    metadata,
    Column("connection_id", ID, ForeignKey("connections.id", ondelete="CASCADE"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("body", Json, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

customers = Table(
    "customers",
    metadata,
    Column("id", ID, primary_key=True),
    Column("organisation_id", ID, ForeignKey("organisations.id"), nullable=False),
    Column("external_id", Text),
    Column("external_fold", Text),
    Column("customer_name", Text, nullable=False),
    Column("email", Text),
    Column("email_fold", Text),
    Column("phone_number", Text),
    Column("address", Json),
    Column("ship_to_address", Json),
    Column("custom_data", Json),
    Column("custom_attributes", Json),
    Column("communications_enabled", Boolean, nullable=False),
    Column("auto_charge_enabled", Boolean, nullable=False),
    Column("business_entity_id", Text),
    Column("parent_customer_id", Text),
    Column("version", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("deleted_at", UtcDateTime),
    Column("erased_at", UtcDateTime),  # nothing is left of it but what keeps it from coming back
    Index(
        "uq_customers_external_id",
        "external_id",
        "organisation_id",
        unique=True,
        sqlite_where=text("deleted_at IS NULL"),
        postgresql_where=text("deleted_at IS NULL"),
    ),
    Index(
        "uq_customers_email_fold",
        "email_fold",
        "organisation_id",
        unique=True,
        sqlite_where=text("deleted_at IS NULL"),
        postgresql_where=text("deleted_at IS NULL"),
    ),
    Index("ix_customers_external_fold", "external_fold", "organisation_id"),
    Index("ix_customers_organisation_id", "organisation_id", "id"),
    # For programs that ask what is new since they last asked.
    Index("ix_customers_created_at", "organisation_id", "created_at", "id"),
    Index("ix_customers_updated_at", "organisation_id", "updated_at", "id"),
    # Few customers name another record; who names one is asked before it goes.
    Index(
        "ix_customers_parent_customer_id",
        "parent_customer_id",
        "organisation_id",
        sqlite_where=text("parent_customer_id IS NOT NULL"),
        postgresql_where=text("parent_customer_id IS NOT NULL"),
    ),
    Index(
        "ix_customers_business_entity_id",
        "business_entity_id",
        "organisation_id",
        sqlite_where=text("business_entity_id IS NOT NULL"),
        postgresql_where=text("business_entity_id IS NOT NULL"),
    ),
)

tax_ids = Table(
    "tax_ids",
    metadata,
    Column("customer_id", ID, ForeignKey("customers.id", ondelete="CASCADE"), primary_key=True),
    Column("country_code", Text, primary_key=True),
    Column("tax_code", Text, primary_key=True),
    Column("tax_id", Text, nullable=False),
    Column("problem", Text),
)

links = Table(
    "links",
    metadata,
    Column("id", ID, primary_key=True),
    Column("organisation_id", ID, ForeignKey("organisations.id"), nullable=False),
    Column("connection_id", ID, ForeignKey("connections.id", ondelete="CASCADE"), nullable=False),
    Column("customer_id", ID, ForeignKey("customers.id"), nullable=False),
    Column("ref", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("state_before", Text),  # what it was when its customer was deleted, and is once that is restored
    Column("baseline", Json),
    Column("accepted", Json),  # address field -> the pair of digests that a person let pass
    Column("accepted_key", Text),
    Column("map_version", Integer, nullable=False),
    Column("written_back", Json),
    Column("doubted", Json),  # fields of which a backup may know less than the CRM
    Column("dirty_at", UtcDateTime),
    Column("dirty_why", Text),  # edit | decision | resync
    Column("planned_version", Integer, nullable=False),
    Column("observed_at", UtcDateTime, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("ref", "connection_id"),
    UniqueConstraint("customer_id", "connection_id"),
    Index("ix_links_connection_id", "connection_id", "id"),
    Index(
        "ix_links_dirty",
        "connection_id",
        "id",
        sqlite_where=text("dirty_at IS NOT NULL"),
        postgresql_where=text("dirty_at IS NOT NULL"),
    ),
)

# What every CRM record looked like when it was last planned: narrow, and compared set-wise per page, so
# that a record that did not change costs one row of one query.
sightings = Table(
    "sightings",
    metadata,
    Column("ref", Text, primary_key=True),
    Column("connection_id", ID, ForeignKey("connections.id", ondelete="CASCADE"), primary_key=True),
    Column("raw_digest", LargeBinary, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("external_id", Text),
    Column("external_fold", Text),
    Column("stamp", BigInteger, nullable=False, server_default="0"),
    Index("ix_sightings_external_fold", "external_fold", "connection_id"),
)

_OPEN, _OWNED = text("state = 'open'"), text("state = 'open' AND assignee IS NOT NULL")

conflicts = Table(
    "conflicts",
    metadata,
    Column("id", ID, primary_key=True),
    Column("organisation_id", ID, ForeignKey("organisations.id"), nullable=False),
    Column("connection_id", ID, ForeignKey("connections.id", ondelete="CASCADE"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("field", Text, nullable=False),
    Column("ref", Text),
    Column("customer_id", ID, ForeignKey("customers.id")),
    Column("local", Json, nullable=False),
    Column("remote", Json, nullable=False),
    Column("baseline", Json, nullable=False),
    Column("landed", Json, nullable=False),
    Column("reasons", Json, nullable=False),
    Column("sticky", Boolean, nullable=False),
    Column("state", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("first_seen", UtcDateTime, nullable=False),
    Column("last_seen", UtcDateTime, nullable=False),
    Column("run_id", ID),
    Column("assignee", Text),
    Column("notes", Text),
    Column("decision", Json),
    Column("decided_by", Text),
    Column("decided_at", UtcDateTime),
    Index(
        "uq_conflicts_open",
        "subject",
        "kind",
        "field",
        "connection_id",
        unique=True,
        sqlite_where=text("state = 'open'"),
        postgresql_where=text("state = 'open'"),
    ),
    Index("ix_conflicts_queue", "organisation_id", "state", "kind", "id"),
    # For people who go through what is open, however much has been closed.
    Index("ix_conflicts_open", "organisation_id", "id", sqlite_where=_OPEN, postgresql_where=_OPEN),
    Index(
        "ix_conflicts_open_connection_id", "connection_id", "id", sqlite_where=_OPEN, postgresql_where=_OPEN
    ),
    Index(
        "ix_conflicts_open_assignee",
        "organisation_id",
        "assignee",
        "id",
        sqlite_where=_OWNED,
        postgresql_where=_OWNED,
    ),
    Index("ix_conflicts_open_ref", "ref", "organisation_id", sqlite_where=_OPEN, postgresql_where=_OPEN),
    Index("ix_conflicts_customer_id", "customer_id"),
)
