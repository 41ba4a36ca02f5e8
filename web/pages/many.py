"""One decision on many questions: first what it would write where, then the decision on what was shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from fastapi.responses import Response

from sync.clock import plain_id
from sync.decisions import Decision
from sync.errors import BadInput
from sync.resolve import Outcome, resolve_all
from sync.store import conflicts, connections, queue
from sync.store.query import now
from web.pages import deciding, question
from web.pages.conflict import LIST
from web.pages.conflicts import read as read_filter
from web.pages.render import redirect, render
from web.pages.visit import Visit
from web.pages.ways import effect, fitting
from web.problems import Refusal

MOST = 500
"""Questions that are previewed and decided at once; what is left meets the filter still."""


def preview(asked: Visit) -> Response:
    """What a decision would write, question by question; nothing is decided."""
    mine = asked.caller.organisation_id
    decision = deciding.simple(asked)
    with asked.database.reading() as tx:
        chosen = read_filter(_given(asked), now(tx))
        if asked.given("which") == "all":
            found = queue.page(tx, mine, chosen.filter, limit=MOST)
            total = queue.count(tx, mine, chosen.filter)
        else:
            ids = _ids(asked)
            found = conflicts.listing(tx, mine, ids=ids, limit=MOST)
            total = len(found)
        names = queue.names(tx, mine, [each.row["customer_id"] for each in found if each.row["customer_id"]])
        places = connections.named(tx, mine)
    if not found:
        raise BadInput("Choose the questions first that are to be decided.")
    rows = {each.id: each for each in found}
    way = asked.given("way")
    outcomes = [fitting(each, way) for each in _decided(asked, decision, list(rows), None, preview=True)]
    return render(
        asked,
        "many.html",
        way=way,
        effect=effect,
        outcomes=outcomes,
        counts=Counter(each.result for each in outcomes),
        rows=rows,
        names=names,
        places=places,
        total=total,
        chosen=chosen,
        question=question,
    )


def decide(asked: Visit) -> Response:
    """Decide what was shown; what has moved since is refused, and said so."""
    mine = asked.caller.organisation_id
    decision = deciding.simple(asked)
    versions = dict(_shown(each) for each in asked.all_given("shown"))
    if not versions or len(versions) > MOST:
        raise Refusal(400, "The form cannot be read.")
    outcomes = _decided(asked, decision, list(versions), versions, preview=False)
    asked.site.wake()
    refused = [each for each in outcomes if each.result == "refused"]
    run = next((each.run for each in outcomes if each.run), None)
    with asked.database.reading() as tx:
        chosen = read_filter(_given(asked), now(tx))
        found = {each.id: each for each in conflicts.listing(tx, mine, ids=versions, limit=MOST, state=None)}
        names = queue.names(
            tx, mine, [each.row["customer_id"] for each in found.values() if each.row["customer_id"]]
        )
    done = len(outcomes) - len(refused)
    if refused or len(outcomes) < len(versions):
        return render(
            asked,
            "many_done.html",
            chosen=chosen,
            done=done,
            refused=refused,
            gone=len(versions) - len(outcomes),
            rows=found,
            names=names,
            run=run,
            question=question,
        )
    more = {"said": "many"}
    if run is not None:
        more["undo"] = run
    return redirect(asked, chosen.address(LIST, **more))


def _decided(
    asked: Visit, decision: Decision, ids: Sequence[str], versions: dict[str, int] | None, *, preview: bool
) -> list[Outcome]:
    return list(
        resolve_all(
            asked.database,
            asked.caller.organisation_id,
            decision,
            actor=asked.caller.actor,
            kind=None,
            ids=ids,
            versions=versions,
            preview=preview,
            progress=lambda _done: None,
        )
    )


def _given(asked: Visit) -> dict[str, str]:
    """The filter of the list, which the form keeps."""
    return {name.removeprefix("filter:"): value for name, value in asked.form if name.startswith("filter:")}


def _ids(asked: Visit) -> list[str]:
    try:
        return [plain_id(each) for each in asked.all_given("id")][:MOST]
    except ValueError:
        raise Refusal(400, "The form cannot be read.") from None


def _shown(text: str) -> tuple[str, int]:
    """A question and its version as the preview has shown them."""
    name, _, version = text.partition(":")
    try:
        return plain_id(name), int(version[:9])
    except ValueError:
        raise Refusal(400, "The form cannot be read.") from None
