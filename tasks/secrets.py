"""The secrets by which a CRM's deliveries are told from those of strangers."""

from __future__ import annotations

import re

from connectors.registry import Plugin
from sync.errors import BadInput

_IN_PATH = re.compile(r"[A-Za-z0-9_-]{16,}")


def check_secret(found: Plugin, secret: str) -> None:
    """Refuse a secret that could never let a delivery in.

    Raises:
        BadInput: the connector has no webhook, or the secret cannot end an address.
    """
    if found.webhook is None:
        raise BadInput(f"The connector {found.name} has no webhook.", fields={"webhook_secret": "not used"})
    if found.secret_in_path and not _IN_PATH.fullmatch(secret):
        why = "needs at least 16 characters, of letters, digits, - and _ alone: it ends an address"
        raise BadInput(
            f"--webhook-secret {why}.",
            cure="For instance the output of: openssl rand -hex 24",
            fields={"webhook_secret": why},
        )
