"""Whole records: deleted, brought back, merged, and customers that are gone."""

from __future__ import annotations

from bench.torture import lives
from bench.torture.cases.feeds import CRMS
from bench.torture.cases.stage import Case, Stage, case
from connectors.port import Presence


def _gone_before_it_was_made(stage: Stage, crm: str) -> None:
    """A customer that is deleted before a CRM has it is made there no more."""
    stage.together("K2")
    stage.people.add("k1")
    customer = stage.customer("k1")
    stage.scene.delete(customer.id)
    lives.customer_gone(stage.people, customer.id, "k1")
    stage.sync()
    stage.expect(len(stage.scene.crms[crm].inner.records) == 1, f"it was made in {crm}")
    stage.rest()


def _deleted_there(stage: Stage, crm: str) -> None:
    """A record that is deleted in one CRM deletes nothing, and is made by nobody again."""
    stage.together("k1", "K2")
    record = stage.record(crm, "k1")
    stage.scene.crms[crm].delete(record.ref)
    lives.gone(stage.people, crm, record)
    stage.sync()
    stage.change("k1", "name")
    stage.sync()
    asked = [row.row["kind"] for row in stage.scene.queue()]
    stage.expect(asked == ["remote_deleted"], f"asked: {asked}")
    stage.expect(len(stage.scene.crms[crm].inner.records) == 2, "it was made again unasked")
    stage.rest()


def _brought_back(stage: Stage, crm: str) -> None:
    """Edits made on all sides while a record was gone arrive once it is back."""
    stage.together("k1")
    ref = stage.record(crm, "k1").ref
    stage.scene.crms[crm].delete(ref)
    stage.sync()
    number = stage.change("k1", "phone")
    stage.sync()
    stage.scene.crms[crm].undelete(ref)
    stage.sync()
    stage.has("k1", "phone", number)
    stage.nothing_asked()
    stage.rest()


def _merged_into_an_unknown_one(stage: Stage, crm: str, lag: float) -> None:
    """A linked record is merged into one that nobody knows: the link goes with it, and nobody is asked."""
    stage.together("k1")
    stage.scene.crms[crm].lag = lag
    loser = stage.record(crm, "k1")
    winner = stage.scene.crms[crm].create({**loser.values, "key": None})
    stage.people.history.moved((crm, loser.ref), (crm, winner))
    stage.scene.crms[crm].merge(winner, loser.ref)
    stage.scene.crms[crm].edit(winner, {"key": "k1"})
    stage.wait(lag)
    stage.sync()
    number = stage.change("k1", "name")
    stage.sync()
    stage.has("k1", "name", number)
    stage.nothing_asked()
    stage.rest()


def _merged_anew(stage: Stage, crm: str) -> None:
    """Two linked records go on under a new id: a person says whose it is, and nothing is made meanwhile."""
    stage.together("k1", "K2")
    one, two = stage.record(crm, "k1"), stage.record(crm, "K2")
    ref = stage.scene.crms[crm].merge_anew(one.ref, two.ref)
    stage.people.history.moved((crm, one.ref), (crm, ref))
    lives.gone(stage.people, crm, two)
    stage.people.disturbed.add("k1")
    stage.sync()
    stage.expect([row.row["kind"] for row in stage.scene.queue()] == ["remote_merged"], "nobody was asked")
    stage.expect(stage.refs(crm, Presence.LIVE) == [ref], "a record was made for a merged one")
    stage.rest()


def _merged_and_deleted(stage: Stage, crm: str) -> None:
    """Two linked records are merged, and what they became is deleted: whose it was is still asked."""
    stage.together("k1", "K2")
    winner, loser = stage.record(crm, "k1"), stage.record(crm, "K2")
    stage.scene.crms[crm].merge(winner.ref, loser.ref)
    stage.scene.crms[crm].delete(winner.ref)
    for each in (winner, loser):
        lives.gone(stage.people, crm, each)
    stage.sync()
    asked = [row.row["kind"] for row in stage.scene.queue()]
    stage.expect(asked == ["remote_merged"], f"asked: {asked}")
    stage.scene.crms[crm].undelete(winner.ref)
    stage.sync()
    asked = [row.row["kind"] for row in stage.scene.queue()]
    stage.expect(asked == ["remote_merged"], f"asked once it was back: {asked}")
    stage.rest()


def _merged_away_overwritten(stage: Stage) -> None:
    """A value that we overwrote unseen is still asked about once its record is merged."""
    stage.together("k1", "K2")
    stage.change("k1", "name")
    stage.once("b", "writing", lambda: stage.edit("b", "k1", "name"))
    stage.sync()
    winner, loser = stage.record("b", "k1"), stage.record("b", "K2")
    stage.scene.crms["b"].merge(winner.ref, loser.ref)
    lives.gone(stage.people, "b", loser)
    stage.people.disturbed.add("k1")
    stage.sync()
    stage.rest()


CASES: tuple[Case, ...] = (
    *case("deleted here before it was made", _gone_before_it_was_made, CRMS),
    *case("deleted there", _deleted_there, CRMS),
    *case("brought back", _brought_back, CRMS),
    *case("merged into a new id", _merged_anew, CRMS),
    *case("merged, and then deleted", _merged_and_deleted, CRMS),
    *case("merged into an unknown one", _merged_into_an_unknown_one, CRMS, (0.0, 60.0)),
    *case("merged away, and overwritten before", _merged_away_overwritten),
)
