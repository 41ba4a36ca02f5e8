"""How every page takes a request: the person, their role, the form. Whatever goes wrong is told by a page."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias
from urllib.parse import quote

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from starlette.routing import Route

from sync.users import UserRole
from web.body import read_body
from web.pages.failing import failed
from web.pages.render import HEADERS, redirect
from web.pages.sending import MEDIA_TYPE, SentForm
from web.pages.visit import Visit, sender, visit
from web.problems import Refusal
from web.site import Site

View: TypeAlias = Callable[[Visit], Response]
SIGN_IN = "/desk/sign-in"
_ELSEWHERE = (
    "The page of this form is of another organisation than {}, where you are now. Nothing was written: "
    "go back, switch to that organisation, and send the form again."
)


class PageRoute(Route):
    """A page, or what its forms are sent to. It says who may see it: a role, or (None) everybody.

    `of_person`: its forms are about the person, and may stand on pages of whichever of their organisations.
    """

    def __init__(
        self,
        site: Site,
        path: str,
        view: View,
        *,
        role: UserRole | None,
        method: str = "GET",
        takes_file: bool = False,
        of_person: bool = False,
    ) -> None:
        self.role = role
        methods = ["GET", "POST"] if method == "ANY" else [method]
        checked = view if of_person or role is None or method == "GET" else _of_one_organisation(view)
        super().__init__(path, _answering(site, checked, role, takes_file=takes_file), methods=methods)


def _of_one_organisation(view: View) -> View:
    """Refuse a form from a page of another organisation than the one that the person looks at now."""

    def checked(asked: Visit) -> Response:
        if asked.shown != asked.person.here.organisation_id:
            raise Refusal(403, _ELSEWHERE.format(asked.person.here.organisation))
        return view(asked)

    return checked


def _answering(
    site: Site, view: View, role: UserRole | None, *, takes_file: bool
) -> Callable[[Request], object]:
    async def endpoint(request: Request) -> Response:
        raw: bytes | SentForm | None = None
        try:
            if request.method == "POST":
                kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
                if takes_file and kind == MEDIA_TYPE:
                    # A file may take long: strangers are turned away before anything of it is read.
                    barred = await run_in_threadpool(_barred, site, request, role)
                    if barred is not None:
                        return barred
                    raw = SentForm(request)
                    await raw.begin()
                else:
                    raw = await read_body(request, form=True)
        except Refusal as error:
            return await run_in_threadpool(failed, site, request, None, error)
        return await run_in_threadpool(_answer, site, request, raw, view, role)

    return endpoint


def _answer(
    site: Site, request: Request, raw: bytes | SentForm | None, view: View, role: UserRole | None
) -> Response:
    asked: Visit | None = None
    try:
        asked = visit(site, request, raw)
        return _not_allowed(asked, role) or view(asked)
    except Exception as error:
        return failed(site, request, asked, error)


def _barred(site: Site, request: Request, role: UserRole | None) -> Response | None:
    asked: Visit | None = None
    try:
        asked = sender(site, request)
        return _not_allowed(asked, role)
    except Exception as error:
        return failed(site, request, asked, error)


def _not_allowed(asked: Visit, role: UserRole | None) -> Response | None:
    if role is None:
        return None
    if asked.signed is None:
        return _to_sign_in(asked)
    if not asked.may(role):
        raise Refusal(
            403,
            f"This asks for the role {role.value}; yours in {asked.signed.here.organisation} is "
            f"{asked.signed.here.role.value}.",
        )
    return None


def _to_sign_in(asked: Visit) -> Response:
    """Ask who it is, and come back here. A part of a page that is sent keeps what is typed in the others."""
    if asked.moves and asked.request.method == "POST":
        return Response(status_code=204, headers={**HEADERS, "HX-Trigger": "signed-out"})
    if asked.request.method != "GET" or asked.path == "/desk":
        return redirect(asked, SIGN_IN)
    query = asked.request.url.query
    there = f"{asked.path}?{query}" if query else asked.path
    return redirect(asked, f"{SIGN_IN}?next={quote(there, safe='/')}")
