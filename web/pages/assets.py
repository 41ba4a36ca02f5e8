"""What pages are dressed in: files that are part of Concord, at addresses that change with what they hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from pathlib import Path

from fastapi import Request
from fastapi.responses import Response
from starlette.routing import Route

from web.problems import Refusal

FOLDER = Path(__file__).parents[1] / "static"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file: its address, what it holds, and its media type."""

    address: str
    body: bytes
    kind: str


@cache
def assets() -> Mapping[str, Asset]:
    """All of them, by name."""
    found = {}
    for path in sorted(FOLDER.iterdir()):
        body = path.read_bytes()
        digest = blake2b(body, digest_size=8).hexdigest()
        found[path.name] = Asset(f"/desk/static/{digest}/{path.name}", body, _TYPES[path.suffix])
    return found


def address_of(name: str) -> str:
    """Where a file is found."""
    return assets()[name].address


async def _send(request: Request) -> Response:
    found = assets().get(request.path_params["name"])
    if found is None or found.address != request.scope["path"]:
        raise Refusal(404, "There is no such file.")
    forever = {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(found.body, media_type=found.kind, headers=forever)


def asset_routes() -> list[Route]:
    """Files, for everybody."""
    return [Route("/desk/static/{digest}/{name}", _send)]
