"""What every command shares: its options, its services, and how it ends."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated

import typer

from cli.output import Output
from cli.waking import wake_once
from sync.services import Services
from sync.settings import Settings, load
from sync.store import connections
from sync.store.connections import StoredConnection
from tasks import wiring

Organisation = Annotated[str, typer.Option("--organisation", help="Whose records; made at first use.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=100_000, help="How many rows.")]
After = Annotated[str, typer.Option("--after", help="Go on after this id.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON alone on stdout, all else on stderr.")]

DONE, FAILED, USAGE, NEEDS_APPROVAL, QUARANTINED = range(5)
INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Context:
    """One command at work."""

    services: Services
    organisation_id: str
    output: Output

    def connection(self, name: str) -> StoredConnection:
        """A connection of this organisation.

        Raises:
            NotFoundError: there is none of that name.
        """
        with self.services.database.reading() as tx:
            return connections.find(tx, self.organisation_id, name)


@contextmanager
def at_work(
    organisation: str, output: Output, settings: Settings | None = None, *, wakes: bool = False
) -> Iterator[Context]:
    """Open everything for one command, and close it again.

    Args:
        organisation: whose records.
        output: what is said.
        settings: the environment, where it has been read.
        wakes: whether what it leaves behind is work for a worker, to be woken once it has succeeded.
    """
    settings = settings or load()
    services = wiring.build(settings)
    try:
        with services.database.transaction() as tx:
            organisation_id = connections.organisation(tx, organisation)
        yield Context(services, organisation_id, output)
    finally:
        services.database.close()
    if wakes:
        wake_once(settings)


def actor() -> str:
    """Who does it, for the audit."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):
        return "cli"
