"""`openapi`: the description of the API, from which clients are made."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from cli.context import DONE
from cli.output import Output
from cli.webhook import PORT
from sync.errors import BadInput
from sync.settings import load
from web.api.openapi import text


def openapi(
    into: Annotated[
        Path | None, typer.Option("--into", metavar="FILE", help="A file to write; stdout without it.")
    ] = None,
) -> int:
    """Describe the API as OpenAPI 3.1 in JSON; no database is needed."""
    made = text(load().public_url or f"http://127.0.0.1:{PORT}")
    if into is None:
        sys.stdout.buffer.write(made)
        sys.stdout.buffer.flush()
        return DONE
    try:
        into.write_bytes(made)
    except OSError as error:
        raise BadInput(
            f"{into} cannot be written ({error.strerror}).", cure="Name another file with --into."
        ) from None
    Output(as_json=False).say(f"wrote {into}")
    return DONE
