"""What commands print: with `--json` JSON alone on stdout and all else on stderr, else text for people."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import orjson
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from connectors.records import JSON
from sync.work import Progress

_INDENT = orjson.OPT_INDENT_2
WIDE = 200


class Output:
    """Where one command prints."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        # Without a terminal nobody sees where a line ends: leave room for whole cells.
        width = None if sys.stdout.isatty() else WIDE
        self.console = Console(file=sys.stdout, highlight=False, soft_wrap=True, width=width)
        self.notes = Console(stderr=True, highlight=False, soft_wrap=True)

    def json(self, body: Mapping[str, JSON]) -> None:
        """The one JSON document of a command."""
        sys.stdout.write(orjson.dumps(body, option=_INDENT).decode() + "\n")
        sys.stdout.flush()

    def line(self, body: Mapping[str, JSON]) -> None:
        """One JSON document of a stream, on a line of its own."""
        sys.stdout.write(orjson.dumps(body).decode() + "\n")
        sys.stdout.flush()

    def told(self, body: Mapping[str, JSON], text: str) -> None:
        """What became of one thing: the thing itself for a program, a sentence for a person."""
        if self.as_json:
            self.json(body)
        else:
            self.say(text)

    def say(self, text: str) -> None:
        """A line for people; with `--json` it goes to stderr."""
        (self.notes if self.as_json else self.console).print(text)

    def note(self, text: str) -> None:
        """A remark on stderr."""
        self.notes.print(text)

    def table(self, title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """A table for people. Values come from CRMs: they are shown as they are, never as markup."""
        table = Table(
            title=title or None, title_justify="left", header_style="bold", box=None, pad_edge=False
        )
        for index, column in enumerate(columns):
            table.add_column(column, overflow="fold", no_wrap=index == 0)
        for row in rows:
            table.add_row(*(plain(str(cell)) if cell is not None else "" for cell in row))
        self.console.print(table)

    @contextmanager
    def progress(self, what: str) -> Iterator[Progress]:
        """Show long work as it goes on, on stderr, if that is a terminal."""
        if not self.notes.is_terminal:
            yield self._plainly
            return
        with self.notes.status(what) as status:

            def show(event: Mapping[str, JSON]) -> None:
                if event.get("event") == "waiting":
                    status.update(f"{what}: waiting for another process ({escape(str(event['holder']))})")
                elif "done" in event:
                    whole = f" of {event['of']}" if event["of"] is not None else ""
                    status.update(f"{what}: {event['done']}{whole} records")

            yield show

    def _plainly(self, event: Mapping[str, JSON]) -> None:
        if event.get("event") == "waiting":
            self.note(f"waiting for another process that is at work on {event['connection']}")


def visible(text: str) -> str:
    """Control characters and text-direction overrides made visible: CRM text is not to be trusted."""
    return "".join(char if char.isprintable() or char in "\n\t" else f"\\u{ord(char):04x}" for char in text)


def plain(text: str) -> str:
    """A text of unknown origin as it stands: no markup, and nothing that steers a terminal."""
    return escape(visible(text))


def short(value: JSON) -> str:
    """A value for a table cell."""
    if value is None:
        return "—"
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return ", ".join(str(part) for part in value.values() if part)
    return orjson.dumps(value).decode()
