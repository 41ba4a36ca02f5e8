"""From a template to an answer. Everything that is shown is escaped; what a template lacks is an error."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fastapi.responses import RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from sync.users import UserRole
from web.pages import words
from web.pages.assets import address_of
from web.pages.visit import COOKIE, Visit, csrf, new_token

TEMPLATES = Path(__file__).parents[1] / "templates"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Vary": "Cookie",
}
NAVIGATION = (
    ("/desk", "Overview"),
    ("/desk/conflicts", "Conflicts"),
    ("/desk/customers", "Customers"),
    ("/desk/imports", "Imports"),
    ("/desk/runs", "Runs"),
    ("/desk/connections", "Connections"),
)
"""Address and name of each page that is reached from everywhere."""
SET_UP = (("/desk/notices", "Notices"),)
"""The same, for administrators."""


@cache
def environment() -> Environment:
    """The templates, with the words that they use."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(static=address_of, words=words, UserRole=UserRole)
    made.filters.update(words.FILTERS)
    return made


def render(asked: Visit, template: str, *, status: int = 200, **values: Any) -> Response:
    """A page. A browser without a token gets one, so that the forms of the page are known for ours."""
    token = asked.token or new_token()
    text = (
        environment()
        .get_template(template)
        .render(
            visit=asked,
            signed=asked.signed,
            csrf=csrf(token, asked.signed.here.organisation_id if asked.signed else ""),
            navigation=(*NAVIGATION, *(SET_UP if asked.may(UserRole.ADMIN) else ())),
            **values,
        )
    )
    page = Response(text, status, headers=HEADERS, media_type="text/html; charset=utf-8")
    if not asked.token:
        set_token(page, token)
    return page


def redirect(asked: Visit, place: str) -> Response:
    """Go on at another page of ours."""
    if asked.moves:
        return Response(status_code=200, headers={**HEADERS, "HX-Redirect": place})
    return RedirectResponse(place, 303, headers=HEADERS)


def renews(asked: Visit, part: str) -> bool:
    """Whether a part of a page asks for itself anew."""
    return asked.moves and asked.request.headers.get("hx-trigger") == part


def reload(asked: Visit) -> Response:
    """Let the browser load the page of a part anew; one that a form has answered is not sent again."""
    shown = urlsplit(asked.request.headers.get("hx-current-url", "")).path
    told = {"HX-Refresh": "true"} if shown == asked.path else {"HX-Redirect": asked.path}
    return Response(status_code=200, headers={**HEADERS, **told})


def set_token(page: Response, token: str) -> None:
    """Let the browser keep a token: for this host alone, out of the reach of scripts, until it is closed."""
    page.set_cookie(COOKIE, token, path="/", secure=True, httponly=True, samesite="lax")
