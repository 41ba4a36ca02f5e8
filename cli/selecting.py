"""Reading scopes, filters and lists of ids from the command line."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from connectors.records import FLAG_FIELDS, JSON
from connectors.strict import UnreadableError, read_json
from sync.errors import BadInput

MOST_BYTES = 16_000_000


def read_scope(text: str) -> object:
    """A scope given as JSON, as the path of a file with JSON, or as `none`."""
    if text == "none":
        return []
    if text.lstrip().startswith(("[", "{")):
        return _json(text.encode(), "The scope")
    return _json(_bytes(Path(text)), f"The scope in {text}")


def read_where(given: Sequence[str]) -> list[JSON]:
    """Conditions of `--where`: each `FIELD=VALUE`, or JSON of one condition or a list of them."""
    found: list[JSON] = []
    for text in given:
        if text.lstrip().startswith(("[", "{")):
            body = _json(text.encode(), "A filter")
            found += body if isinstance(body, list) else [body]
            continue
        field, sign, value = text.partition("=")
        if not sign:
            raise BadInput(
                "A filter is not of the form FIELD=VALUE.",
                cure="""For instance --where email=a@x.org or --where '{"field": "email", "blank": true}'""",
            )
        flag = {"true": True, "false": False}.get(value) if field in FLAG_FIELDS else None
        condition: dict[str, JSON] = {"field": field, "eq": value if flag is None else flag}
        found.append(condition if value else {"field": field, "blank": True})
    return found


def read_ids(path: str) -> list[str]:
    """One id a line, from a file or, with `-`, from standard input; blank lines are passed over."""
    raw = sys.stdin.buffer.read(MOST_BYTES + 1) if path == "-" else _bytes(Path(path))
    try:
        lines = raw.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise BadInput(f"The list is not UTF-8 (at byte {error.start}).") from error
    ids = [line.strip() for line in lines if line.strip()]
    if len(raw) > MOST_BYTES:
        raise BadInput("The list is longer than 16 MB.", cure="Cut it in parts, or use --where or --all.")
    if not ids:
        raise BadInput("The list names no record.", cure="Give one external id or ref on each line.")
    return ids


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror}).") from error


def _json(raw: bytes, what: str) -> JSON:
    try:
        return read_json(raw)
    except UnreadableError as error:
        raise BadInput(f"{what} is not JSON: {error.reason}.") from error
