"""Who may see more than a stranger: whoever sends the site's token."""

from __future__ import annotations

import hmac

from fastapi import Request

from web.problems import Refusal
from web.site import Site

_REALM = {"WWW-Authenticate": 'Bearer realm="concord"'}


def is_told(request: Request, site: Site) -> bool:
    """Whether the request carries the token; False if it carries none, or the site has none.

    Raises:
        Refusal: 401, it carries another.
    """
    given = request.headers.get("authorization")
    if given is None or site.token is None:
        return False
    scheme, _, value = given.partition(" ")
    if scheme.lower() != "bearer" or not hmac.compare_digest(
        value.strip().encode("utf-8", "surrogateescape"), site.token.encode()
    ):
        raise Refusal(401, "this is not the token of the site", headers=_REALM)
    return True


def require_token(request: Request, site: Site) -> None:
    """Let nobody in without the token.

    Raises:
        Refusal: 404 if the site has none, so that nothing is shown by mistake; 401 without it.
    """
    if site.token is None:
        raise Refusal(404, "CONCORD_WEB_TOKEN is not set; without it this is shut")
    if not is_told(request, site):
        raise Refusal(401, "send the token as Authorization: Bearer", headers=_REALM)
