"""One request of a person: who it is, what the address and the form hold, and that it comes from our page.

The session's token is in a cookie that scripts cannot read and other sites do not send along with a form. A
form holds a second token, made of the first one and of the organisation that its page shows; and the browser
has to say that the form stood on our page.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

from fastapi import Request

from sync import signin
from sync.signin import SignedIn
from sync.store.session import Database
from sync.users import UserRole
from web.api.caller import Caller
from web.pages.sending import SentForm
from web.problems import Refusal
from web.site import Site

COOKIE = "__Host-concord"
MOST_FIELDS = 2_500
RENEWED = frozenset({"overview", "run", "import"})
"""The ids of what asks for itself anew, as htmx tells them."""
_TOKEN_LENGTH = 43
_DIGEST_LENGTH = 64
_TOO_OLD = "This form is too old, or the browser keeps no cookies. Open the page again."


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A request.

    Args:
        site: what the routes are built from.
        request: as it came in.
        token: of the session, or of a browser that is not signed in yet; empty for one without cookies.
        signed: who it is; None if nobody is signed in.
        form: what a form sent, in its order.
        sent: a form that holds a file, which is still to be read.
        shown: the organisation of the page that the form stood on; empty for none.
    """

    site: Site
    request: Request
    token: str = field(repr=False)
    signed: SignedIn | None
    form: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    sent: SentForm | None = field(default=None, repr=False)
    shown: str = ""

    @property
    def caller(self) -> Caller:
        """Within which organisation, as whom, for how much."""
        signed = self.person
        return Caller(
            site=self.site,
            database=self.site.database.within(signed.here.organisation_id),
            organisation_id=signed.here.organisation_id,
            organisation=signed.here.organisation,
            actor=f"user:{signed.email}",
            scope=signed.here.role.scope,
        )

    @property
    def person(self) -> SignedIn:
        """Who it is.

        Raises:
            Refusal: 401, nobody is signed in.
        """
        if self.signed is None:
            raise Refusal(401, "Sign in first.")
        return self.signed

    @property
    def database(self) -> Database:
        """Within the organisation."""
        return self.caller.database

    @property
    def path(self) -> str:
        """Of the address."""
        return str(self.request.scope["path"])

    @property
    def query(self) -> Mapping[str, str]:
        """What the address says behind its question mark."""
        return self.request.query_params

    @property
    def moves(self) -> bool:
        """Whether htmx asks, for a part of a page."""
        return self.request.headers.get("hx-request") == "true"

    def given(self, name: str) -> str:
        """A field of the form; empty if there is none."""
        return next((value for each, value in self.form if each == name), "")

    def all_given(self, name: str) -> list[str]:
        """Every value of a field of the form."""
        return [value for each, value in self.form if each == name]

    def may(self, role: UserRole) -> bool:
        """Whether the person's role includes another one."""
        return self.signed is not None and self.signed.here.role.scope.allows(role.scope)


def visit(site: Site, request: Request, raw: bytes | SentForm | None) -> Visit:
    """Who asks, and what for. It reads the database: call it in a thread.

    Args:
        site: what the routes are built from.
        request: as it came in.
        raw: the body of a form, or one whose file is still coming; None for none.

    Raises:
        Refusal: 400 for an address or a form that cannot be read; 403 for a form that was not ours; 429 for
            somebody who asks too often.
    """
    if "\0" in str(request.scope["path"]) or b"%00" in request.scope["query_string"]:
        raise Refusal(400, "The address holds a NUL character.")
    token = token_of(request)
    form = () if raw is None else raw.fields if isinstance(raw, SentForm) else _fields(raw)
    if any("\0" in name or "\0" in value for name, value in form):
        raise Refusal(400, "The form holds a NUL character.")
    shown = ""
    if raw is not None:
        _check_origin(site, request)
        given = next((value for name, value in form if name == "csrf"), "")
        shown = given[_DIGEST_LENGTH:]
        if not token or not hmac.compare_digest(
            csrf(token, shown).encode(), given.encode("utf-8", "replace")
        ):
            raise Refusal(403, _TOO_OLD)
    # A page that renews itself keeps nobody signed in.
    renewed = request.headers.get("hx-trigger") in RENEWED
    signed = signin.look(site.database, token, used=not renewed) if token else None
    if signed is not None:
        site.pace.take(signed.user_id, None)
    sent = raw if isinstance(raw, SentForm) else None
    return Visit(site=site, request=request, token=token, signed=signed, form=form, sent=sent, shown=shown)


def sender(site: Site, request: Request) -> Visit:
    """Who sends a form, by its headers alone. It reads the database: call it in a thread.

    Raises:
        Refusal: 403, the form was not sent from a page of ours, or by a browser without our cookie.
    """
    _check_origin(site, request)
    token = token_of(request)
    if not token:
        raise Refusal(403, _TOO_OLD)
    signed = signin.look(site.database, token, used=False)
    return Visit(site=site, request=request, token=token, signed=signed)


def token_of(request: Request) -> str:
    """The token that the browser sent; empty for none that could be one."""
    token = request.cookies.get(COOKIE, "")
    return token if len(token) == _TOKEN_LENGTH and token.isascii() else ""


def csrf(token: str, organisation: str = "") -> str:
    """What a form of this session has to hold on a page of that organisation; empty for none."""
    told = b"form" + organisation.encode("utf-8", "replace")
    return hmac.new(token.encode(), told, hashlib.sha256).hexdigest() + organisation


def new_token() -> str:
    """For a browser that is not signed in: its sign-in form, too, has to be ours."""
    return secrets.token_urlsafe(32)


def _check_origin(site: Site, request: Request) -> None:
    """Pages of others may not send forms here, whatever cookies the browser adds."""
    said = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    ours = urlsplit(site.public_url)
    ours_too = origin is None or origin == f"{ours.scheme}://{ours.netloc}"
    if said == "same-origin" or (said is None and origin is not None and ours_too):
        return
    raise Refusal(403, "This form was not sent from a page of Concord.")


def _fields(raw: bytes) -> tuple[tuple[str, str], ...]:
    try:
        text = raw.decode("ascii")
        found = parse_qsl(
            text, keep_blank_values=True, encoding="utf-8", errors="strict", max_num_fields=MOST_FIELDS
        )
    except ValueError:
        raise Refusal(400, "The form cannot be read.") from None
    return tuple((name, value.replace("\r\n", "\n")) for name, value in found)
