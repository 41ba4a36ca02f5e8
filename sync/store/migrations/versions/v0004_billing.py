"""Billing records of our own, keys of the API, answers that are given again, and indexes for what is new."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sync.store.types import Exact, Json, UtcDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("rate", sa.Integer(), nullable=True),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.Column("last_used_at", UtcDateTime(), nullable=True),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
    )
    op.create_table(
        "api_key_organisations",
        sa.Column("key_id", sa.String(length=32), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["key_id"], ["api_keys.id"], name=op.f("fk_api_key_organisations_key_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_api_key_organisations_organisation_id")
        ),
        sa.PrimaryKeyConstraint("key_id", "organisation_id", name=op.f("pk_api_key_organisations")),
    )
    op.create_index(
        "ix_api_key_organisations_organisation_id", "api_key_organisations", ["organisation_id"], unique=False
    )
    op.create_table(
        "business_entities",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("country_code", sa.Text(), nullable=True),
        sa.Column("address", Json(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_business_entities_organisation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_business_entities")),
        sa.UniqueConstraint(
            "organisation_id", "name", name=op.f("uq_business_entities_organisation_id_name")
        ),
    )
    op.create_table(
        "idempotency",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.Column("request", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("headers", Json(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_idempotency_organisation_id")
        ),
        sa.PrimaryKeyConstraint("key", "organisation_id", name=op.f("pk_idempotency")),
    )
    op.create_index("ix_idempotency_created_at", "idempotency", ["created_at"], unique=False)
    op.create_table(
        "contacts",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.Column("customer_id", sa.String(length=32), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("email_fold", sa.Text(), nullable=False),
        sa.Column("first_name", sa.Text(), nullable=True),
        sa.Column("last_name", sa.Text(), nullable=True),
        sa.Column("send_contract", sa.Boolean(), nullable=False),
        sa.Column("send_invoice", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_contacts_customer_id")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_contacts_organisation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contacts")),
        sa.UniqueConstraint("customer_id", "email_fold", name=op.f("uq_contacts_customer_id_email_fold")),
    )
    op.create_index("ix_contacts_organisation_id", "contacts", ["organisation_id", "id"], unique=False)
    op.create_table(
        "contracts",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.Column("customer_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("start_date", UtcDateTime(), nullable=False),
        sa.Column("end_date", UtcDateTime(), nullable=True),
        sa.Column("anchor_date", UtcDateTime(), nullable=True),
        sa.Column("is_last_day_of_month", sa.Boolean(), nullable=False),
        sa.Column("plan_id", sa.Text(), nullable=True),
        sa.Column("tags", Json(), nullable=False),
        sa.Column("custom_attributes", Json(), nullable=False),
        sa.Column("renewal_policy", sa.Text(), nullable=False),
        sa.Column("contract_link", sa.Text(), nullable=True),
        sa.Column("bill_parent_customer", sa.Boolean(), nullable=False),
        sa.Column("invoice_payer_customer_id", sa.String(length=32), nullable=True),
        sa.Column("source", Json(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("deleted_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_contracts_customer_id")),
        sa.ForeignKeyConstraint(
            ["invoice_payer_customer_id"],
            ["customers.id"],
            name=op.f("fk_contracts_invoice_payer_customer_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_contracts_organisation_id")
        ),
        sa.PrimaryKeyConstraint("id", "organisation_id", name=op.f("pk_contracts")),
    )
    op.create_index("ix_contracts_customer_id", "contracts", ["customer_id", "id"], unique=False)
    op.create_index(
        "ix_contracts_ending",
        "contracts",
        ["end_date"],
        unique=False,
        sqlite_where=sa.text("status <> 'expired' AND deleted_at IS NULL"),
        postgresql_where=sa.text("status <> 'expired' AND deleted_at IS NULL"),
    )
    op.create_index("ix_contracts_organisation_id", "contracts", ["organisation_id", "id"], unique=False)
    op.create_index("ix_contracts_payer", "contracts", ["invoice_payer_customer_id"], unique=False)
    op.create_index(
        "ix_contracts_created_at", "contracts", ["organisation_id", "created_at", "id"], unique=False
    )
    op.create_index(
        "ix_contracts_updated_at", "contracts", ["organisation_id", "updated_at", "id"], unique=False
    )
    op.create_table(
        "wallets",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.Column("customer_id", sa.String(length=32), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("balance", Exact(), nullable=False),
        sa.Column("may_be_negative", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_wallets_customer_id")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_wallets_organisation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wallets")),
        sa.UniqueConstraint("customer_id", "currency", name=op.f("uq_wallets_customer_id_currency")),
    )
    op.create_index("ix_wallets_organisation_id", "wallets", ["organisation_id", "id"], unique=False)
    op.create_table(
        "phases",
        sa.Column("contract_id", sa.String(length=32), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.Column("start_date", UtcDateTime(), nullable=False),
        sa.Column("end_date", UtcDateTime(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("pricings", Json(), nullable=False),
        sa.ForeignKeyConstraint(
            ["contract_id", "organisation_id"],
            ["contracts.id", "contracts.organisation_id"],
            name=op.f("fk_phases_contract_id_organisation_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("contract_id", "organisation_id", "start_date", name=op.f("pk_phases")),
    )
    op.create_table(
        "wallet_entries",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("wallet_id", sa.String(length=32), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.Column("amount", Exact(), nullable=False),
        sa.Column("balance", Exact(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_wallet_entries_organisation_id")
        ),
        sa.ForeignKeyConstraint(["wallet_id"], ["wallets.id"], name=op.f("fk_wallet_entries_wallet_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wallet_entries")),
    )
    op.create_index("ix_wallet_entries_wallet_id", "wallet_entries", ["wallet_id", "id"], unique=False)
    op.create_index(
        "ix_customers_created_at", "customers", ["organisation_id", "created_at", "id"], unique=False
    )
    op.create_index(
        "ix_customers_updated_at", "customers", ["organisation_id", "updated_at", "id"], unique=False
    )
