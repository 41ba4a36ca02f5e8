"""What a decision on rows of the queue writes, and how it is taken back."""

from __future__ import annotations

from cli.output import Output, short
from sync.resolve import Outcome


def show_writes(output: Output, outcomes: list[Outcome]) -> None:
    """What decisions write, on which side."""
    lines = [
        (outcome.id, side, path, short(pair[0]), short(pair[1]))
        for outcome in outcomes
        for side, changes in outcome.writes.items()
        if isinstance(changes, dict)
        for path, pair in changes.items()
        if isinstance(pair, list)
    ]
    if lines:
        output.table("what it writes", ("row", "side", "field", "before", "after"), lines)


def run_of(outcomes: list[Outcome]) -> str | None:
    """The run by which all of them can be undone, if any was decided."""
    return next((outcome.run for outcome in outcomes if outcome.run), None)


def tell_how_to_undo(output: Output, outcomes: list[Outcome]) -> None:
    """Name the command."""
    if run := run_of(outcomes):
        output.say(f"To take it back: concord undo {run[:12]}")
