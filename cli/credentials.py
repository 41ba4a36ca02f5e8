"""The options that credentials are given by: as a value, from a file, from stdin, or at a hidden prompt."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from connectors.ways import Way, choose, explained, option
from sync.errors import BadInput

_FROM = "- asks for it, or reads it from stdin."
ClientId = Annotated[str | None, typer.Option("--client-id")]
ClientSecret = Annotated[str | None, typer.Option("--client-secret", help=_FROM)]
SessionId = Annotated[str | None, typer.Option("--session-id", help="Salesforce: a session.")]
Token = Annotated[str | None, typer.Option("--token", help=f"HubSpot: the token; {_FROM}")]
Username = Annotated[str | None, typer.Option("--username", help="Salesforce, with a private key.")]
PrivateKeyFile = Annotated[
    Path | None, typer.Option("--private-key-file", help="Salesforce: PEM file of the app's certificate.")
]
RefreshToken = Annotated[str | None, typer.Option("--refresh-token", help=f"HubSpot, with OAuth; {_FROM}")]
More = Annotated[
    list[str] | None,
    typer.Option("--credential", help=f"NAME=VALUE: any other that the connector takes; {_FROM}"),
]


def given(
    *, more: Sequence[str] | None, private_key_file: Path | None, **named: str | None
) -> dict[str, str]:
    """What was given, by name; `-` is read from stdin, or asked for at a terminal.

    Raises:
        BadInput: a file cannot be read, a value is not in the form, or stdin is asked for twice.
    """
    found = {name: value for name, value in named.items() if value}
    for each in more or ():
        name, sign, value = each.partition("=")
        if not sign or not name or not value:
            raise BadInput(
                "A --credential is not of the form NAME=VALUE.", cure="For instance --credential audience=..."
            )
        found[name.replace("-", "_")] = value
    if private_key_file is not None and str(private_key_file) != "-":
        found["private_key"] = _read(private_key_file)
    elif private_key_file is not None:
        found["private_key"] = "-"
    asked = [name for name, value in found.items() if value == "-"]
    if len(asked) > 1 and not sys.stdin.isatty():
        raise BadInput(f"Only one of {', '.join(map(option, asked))} can come from stdin.")
    return found | {name: _asked(name) for name in asked}


def complete(ways: Sequence[Way], found: Mapping[str, str], *, interactive: bool) -> dict[str, str]:
    """The credentials of a new connection; what is missing is asked for if somebody is there.

    Raises:
        BadInput: something is missing; the text says what, and which ways there are.
    """
    if not ways and not found:
        return {}
    way, result = choose(ways, found), dict(found)
    for name in way.missing(found):
        question = way.credentials[name].question
        if interactive and name != "private_key":
            result[name] = typer.prompt(question, hide_input=way.credentials[name].secret)
        if not result.get(name):
            others = f" These ways there are: {explained(ways)}." if len(ways) > 1 else ""
            raise BadInput(
                f"{option(name)} is missing.",
                cure=f"It is the {question[0].lower()}{question[1:]}.{others}",
            )
    return result


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror}).") from error
    except UnicodeDecodeError:
        raise BadInput(f"{path} is not a PEM file.") from None


def _asked(name: str) -> str:
    if sys.stdin.isatty():
        return str(typer.prompt(option(name), hide_input=True))
    value = sys.stdin.read().strip()
    if not value:
        raise BadInput(f"{option(name)} was to come from stdin, and nothing came.")
    return value
