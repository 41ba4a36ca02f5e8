"""`demo`: the whole way on fresh sandboxes, in a folder that is thrown away, with figures per phase."""

from __future__ import annotations

import tempfile
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from cli import sandboxes
from cli.context import DONE, FAILED, AsJson, Context, actor, at_work
from cli.demo_edits import edit_everywhere
from cli.output import Output
from cli.up import SEED, ensure_connection
from connectors.records import JSON
from sync.cycle import run
from sync.decisions import Decision, Take
from sync.report import Report
from sync.resolve import resolve_all
from sync.settings import load
from sync.steps import Order

NAMES = ("salesforce", "hubspot")
MAX_ROUNDS = 6


def demo(as_json: AsJson = False) -> int:
    """Sync two sandbox CRMs with billing, edit on all sides, sync, decide, sync, until nothing is left."""
    output = Output(as_json=as_json)
    phases: list[dict[str, JSON]] = []
    with tempfile.TemporaryDirectory(prefix="concord-demo-") as folder, ExitStack() as stack:
        settings = load().model_copy(update={"data": Path(folder), "database_url": None, "secret_key": None})
        context = stack.enter_context(at_work("default", output, settings))
        urls = {}
        for name in NAMES:
            sandbox = sandboxes.build(name, seed=SEED)
            stack.callback(sandbox.close)
            server = sandboxes.start(sandbox, 0)
            stack.callback(server.stop)
            urls[name] = server.url
            ensure_connection(context, settings, name, server.url, sandbox.credentials)

        def phase(name: str, reports: list[Report], **more: JSON) -> None:
            body = combined(reports)
            phases.append({"name": name, **body, **more})
            output.note(_line(name, body))

        phase("first sync", _rounds(context))
        edits = edit_everywhere(context, urls)
        phase("edits", [], edits=edits)
        phase("second sync", _rounds(context))
        decided = _decide(context)
        phase("decisions", [], decided=decided)
        phase("third sync", _rounds(context))
        phase("nothing to do", [_sync(context, name) for name in NAMES])
    if as_json:
        output.json({"phases": [*phases]})
    return DONE if phases[-1]["writes"] == 0 else FAILED


def _sync(context: Context, name: str) -> Report:
    order = Order(kind="sync", trigger="manual", actor=actor(), yes=True)
    with context.output.progress(f"syncing {name}") as progress:
        return run(context.services, context.connection(name), order, progress)


def _rounds(context: Context) -> list[Report]:
    """Sync both CRMs in turn until what one brought has reached the other."""
    reports: list[Report] = []
    for _ in range(MAX_ROUNDS):
        latest = [_sync(context, name) for name in NAMES]
        reports += latest
        if not any(report.counts["writes"] for report in latest):
            break
    return reports


def _decide(context: Context) -> int:
    outcomes = resolve_all(
        context.services.database,
        context.organisation_id,
        Decision(take=Take.THEIRS),
        actor=actor(),
        kind="address_mismatch",
        progress=lambda _done: None,
    )
    return sum(outcome.result == "resolved" for outcome in outcomes)


def combined(reports: list[Report]) -> dict[str, JSON]:
    """Several runs as one, with the keys of `sync`; `open` is what the last run of each connection left."""
    numbers = ("pulled", "matched", "created_local", "created_remote", "updated_local", "updated_remote")
    more = ("unchanged", "quarantined", "overwritten", "deferred", "writes")
    totals: Counter[str] = Counter()
    held: Counter[str] = Counter()
    calls: Counter[str] = Counter()
    kept: Counter[str] = Counter()
    last: dict[str, Report] = {}
    for report in reports:
        for key in (*numbers, *more):
            totals[key] += _number(report.counts[key])
        held.update(_counts(report.counts["held"]))
        kept.update(_counts(report.counts["kept"]))
        calls.update(report.calls)
        last[report.connection] = report
    open_rows: Counter[str] = Counter()
    for report in last.values():
        open_rows.update(report.open)
    return {
        "run": reports[-1].run if reports else None,
        "state": reports[-1].state if reports else "done",
        **{key: totals[key] for key in numbers},
        "held": {**held},
        "open": {**open_rows},
        **{key: totals[key] for key in more},
        "kept": {**kept},
        "calls": {**calls},
    }


def _number(value: JSON) -> int:
    return value if isinstance(value, int) else 0


def _counts(value: JSON) -> dict[str, int]:
    return {key: _number(count) for key, count in value.items()} if isinstance(value, dict) else {}


def _line(name: str, body: dict[str, Any]) -> str:
    words = [f"{key.replace('_', ' ')} {body[key]}" for key in ("matched", "created_local", "created_remote")]
    words += [f"{key.replace('_', ' ')} {body[key]}" for key in ("updated_local", "updated_remote", "writes")]
    return f"{name}: {', '.join(words)}, newly queued {sum(body['held'].values())}"
