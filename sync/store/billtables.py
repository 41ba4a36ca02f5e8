"""The tables of billing records that no CRM knows: business entities, contacts, contracts, wallets."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from sync.store.schema import ID, metadata
from sync.store.types import Exact, Json, UtcDateTime

business_entities = Table(
    "business_entities",
    metadata,
    Column("id", ID, primary_key=True),
    Column("organisation_id", ID, ForeignKey("organisations.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("country_code", Text),
    Column("address", Json),
    Column("version", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    UniqueConstraint("organisation_id", "name"),
)

contacts = Table(
    "contacts",
    metadata,
    Column("id", ID, primary_key=True),
    Column("organisation_id", ID, ForeignKey("organisations.id"), nullable=False),
    Column("customer_id", ID, ForeignKey("customers.id"), nullable=False),
    Column("email", Text, nullable=False),
    Column("email_fold", Text, nullable=False),
    Column("first_name", Text),
    Column("last_name", Text),
    Column("send_contract", Boolean, nullable=False),
    Column("send_invoice", Boolean, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    UniqueConstraint("customer_id", "email_fold"),
    Index("ix_contacts_organisation_id", "organisation_id", "id"),
)

# Callers may give an id of their own, so an id tells nothing of what other organisations have.
contracts = Table(
    "contracts",
    metadata,
    Column("id", ID, primary_key=True),
    Column("organisation_id", ID, ForeignKey("organisations.id"), primary_key=True),
    Column("customer_id", ID, ForeignKey("customers.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("description", Text),
    Column("status", Text, nullable=False),  # draft | active | paused | expired | disputed
    Column("currency", Text, nullable=False),
    Column("start_date", UtcDateTime, nullable=False),
    Column("end_date", UtcDateTime),  # the first moment at which it no longer runs
    Column("anchor_date", UtcDateTime),
    Column("is_last_day_of_month", Boolean, nullable=False),
    Column("plan_id", Text),
    Column("tags", Json, nullable=False),
    Column("custom_attributes", Json, nullable=False),
    Column("renewal_policy", Text, nullable=False),
    Column("contract_link", Text),
    Column("bill_parent_customer", Boolean, nullable=False),
    Column("invoice_payer_customer_id", ID, ForeignKey("customers.id")),
    Column("source", Json, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("deleted_at", UtcDateTime),
    Index("ix_contracts_customer_id", "customer_id", "id"),
    Index("ix_contracts_organisation_id", "organisation_id", "id"),
    Index("ix_contracts_payer", "invoice_payer_customer_id"),
    Index("ix_contracts_created_at", "organisation_id", "created_at", "id"),
    Index("ix_contracts_updated_at", "organisation_id", "updated_at", "id"),
    Index(
        "ix_contracts_ending",
        "end_date",
        sqlite_where=text("status <> 'expired' AND deleted_at IS NULL"),
        postgresql_where=text("status <> 'expired' AND deleted_at IS NULL"),
    ),
)

phases = Table(
    "phases",
    metadata,
    Column("contract_id", ID, primary_key=True),
    Column("organisation_id", ID, primary_key=True),
    Column("start_date", UtcDateTime, primary_key=True),
    Column("end_date", UtcDateTime),
    Column("name", Text, nullable=False),
    Column("description", Text),
    Column("pricings", Json, nullable=False),
    ForeignKeyConstraint(
        ["contract_id", "organisation_id"], ["contracts.id", "contracts.organisation_id"], ondelete="CASCADE"
    ),
)

wallets = Table(
    "wallets",
    metadata,
    Column("id", ID, primary_key=True),
    Column("organisation_id", ID, ForeignKey("organisations.id"), nullable=False),
    Column("customer_id", ID, ForeignKey("customers.id"), nullable=False),
    Column("currency", Text, nullable=False),
    Column("balance", Exact, nullable=False),  # that of its last entry
    Column("may_be_negative", Boolean, nullable=False),
    Column("version", Integer, nullable=False),  # the number of its last entry or change
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    UniqueConstraint("customer_id", "currency"),
    Index("ix_wallets_organisation_id", "organisation_id", "id"),
)

# The ledger: rows are added, never changed. The sum of a wallet's amounts is its balance.
wallet_entries = Table(
    "wallet_entries",
    metadata,
    Column("id", ID, primary_key=True),
    Column("wallet_id", ID, ForeignKey("wallets.id"), nullable=False),
    Column("organisation_id", ID, ForeignKey("organisations.id"), nullable=False),
    Column("amount", Exact, nullable=False),  # below zero for what was deducted
    Column("balance", Exact, nullable=False),  # after it
    Column("reason", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Index("ix_wallet_entries_wallet_id", "wallet_id", "id"),
)
