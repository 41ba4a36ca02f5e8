"""What makes `up` a demonstration: somebody who may sign in, and people whose edits leave questions."""

from __future__ import annotations

from collections.abc import Mapping
from secrets import token_urlsafe

from cli.context import Context, actor
from cli.demo_edits import edit_everywhere
from connectors.records import JSON
from sync import users
from sync.settings import Settings
from sync.users import UserRole

EMAIL = "demo@concord.example"


def let_in(context: Context, settings: Settings, organisation: str) -> str | None:
    """A password of the demonstration's own user, another one each time.

    None where people were let in already, or in production: there nobody is let in unasked.
    """
    if not settings.embedded:
        return None
    database, password = context.services.database, token_urlsafe(12)
    known = users.listing(database)
    if any(row["email"] != EMAIL or row["disabled_at"] is not None for row in known):
        return None
    if known:
        users.set_password(database, EMAIL, password, actor=actor())
        users.set_role(database, EMAIL, UserRole.ADMIN, organisation, actor=actor())
    else:
        users.add(database, EMAIL, password, UserRole.ADMIN, organisation, actor=actor())
    return password


def people_at_work(context: Context, urls: Mapping[str, str]) -> None:
    """Edit here and in both CRMs, some of it at odds: what a sync asks then is there to be tried on."""
    edits = edit_everywhere(context, urls)
    body: dict[str, JSON] = {"event": "edits", **edits}
    if context.output.as_json:
        context.output.line(body)
    else:
        context.output.say(
            f"people at work: {', '.join(f'{count} {where}' for where, count in edits.items())}"
        )
