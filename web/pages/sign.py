"""Signing in and out, and choosing an organisation."""

from __future__ import annotations

import re

from fastapi.responses import Response

from sync import signin
from sync.clock import plain_id
from sync.errors import NotFoundError
from sync.signin import SignInRefused
from web.pages.render import HEADERS, redirect, render, set_token
from web.pages.visit import Visit, csrf, new_token

LONGEST = 1_024
_OURS = re.compile(r"/desk(/[A-Za-z0-9._~/-]*)?(\?[A-Za-z0-9._~&=%+-]*)?")


def ask(asked: Visit) -> Response:
    """The form; whoever is signed in goes on."""
    if asked.signed is not None:
        return redirect(asked, _next(asked.query.get("next", "")))
    return _form(asked, asked.query.get("next", ""), said=asked.query.get("said", ""))


def enter(asked: Visit) -> Response:
    """Let a person in who has the right password, under a new token."""
    email, password, place = asked.given("email"), asked.given("password"), asked.given("next")
    try:
        if max(len(email), len(password)) > LONGEST:
            raise SignInRefused
        token = signin.sign_in(asked.site.database, email, password)
    except SignInRefused as error:
        return _form(asked, place, email=email[:LONGEST], problem=str(error), status=403)
    if asked.signed is not None:
        signin.sign_out(asked.site.database, asked.token)
    page = redirect(asked, _next(place))
    set_token(page, token)
    return page


def still(asked: Visit) -> Response:
    """What the forms of this person have to hold; nothing if nobody is signed in to that organisation."""
    headers = {**HEADERS, "Cache-Control": "no-store"}
    here = asked.signed.here.organisation_id if asked.signed else ""
    if not here or here != asked.query.get("organisation"):
        return Response(status_code=204, headers=headers)
    return Response(csrf(asked.token, here), headers=headers, media_type="text/plain")


def leave(asked: Visit) -> Response:
    """End the session."""
    signin.sign_out(asked.site.database, asked.token)
    page = redirect(asked, "/desk/sign-in?said=signed-out")
    set_token(page, new_token())
    return page


def choose(asked: Visit) -> Response:
    """Look at another of one's organisations."""
    try:
        wanted = plain_id(asked.given("organisation"))
    except ValueError:
        raise NotFoundError("There is no such organisation for you.") from None
    signin.choose(asked.site.database, asked.token, wanted)
    return redirect(asked, "/desk")


def _form(
    asked: Visit, place: str, *, email: str = "", problem: str = "", said: str = "", status: int = 200
) -> Response:
    return render(
        asked, "sign_in.html", status=status, next=place[:2_000], email=email, problem=problem, said=said
    )


def _next(place: str) -> str:
    """Where to go on: a page of the desk, whatever was asked for."""
    return place if _OURS.fullmatch(place) else "/desk"
