"""Reading records by their refs, so that one which cannot be read does not hold back those beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from connectors.errors import AuthFailed, ConnectorError, Retryable
from connectors.port import Observation, Presence
from sync.look import DIGEST_GONE, gone, is_news, look, same_meaning, unreadable
from sync.situation import Looked
from sync.store import doubts, links
from sync.store.sightings import Sighting, stamp_of
from sync.work import Work

LATELY = timedelta(hours=2)
"""Longer than a listing is ever behind, with clocks that disagree."""

WITNESSES = 3
SHAPE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What a connector stumbles with over an answer in a shape that it does not know."""


@dataclass(slots=True)
class Found:
    """Records that were read, by ref, and why the CRM would not show others.

    Those that the CRM does not know are in neither.
    """

    records: dict[str, Observation] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)

    def observations(self, refs: Sequence[str]) -> list[Observation]:
        """What was learned of these refs: a record that the CRM does not know is gone."""
        return [self.records.get(ref) or gone(ref) for ref in refs if ref not in self.refused]


def read(work: Work, refs: Sequence[str]) -> Found:
    """Read records; if the CRM refuses, the batch is split until those that it will not show are alone.

    A refusal is a record's own only if the CRM shows another one at the same time. Else it is the
    connection's, and nobody's fault here.

    Raises:
        ConnectorError: the CRM fails, or refuses whatever it is asked for.
    """
    try:
        return Found(dict(work.connector.get_many(refs)))
    except Exception as error:
        if not _may_be_a_records(error):
            raise
        others = _shows_others(work, refs)
        if others is False:
            raise
        found = Found()
        if not _in_halves(work, refs, error, found) and others is None:
            raise
        return found


def _may_be_a_records(error: Exception) -> bool:
    if isinstance(error, ConnectorError):
        return not isinstance(error, Retryable | AuthFailed)
    return isinstance(error, SHAPE)


def _shows_others(work: Work, refs: Sequence[str]) -> bool | None:
    """Whether the CRM shows a linked record that is none of these; None if there is none."""
    with work.database.reading() as tx:
        others = links.living_but(tx, work.connection_id, refs, limit=WITNESSES)
    for ref in others:
        try:
            work.connector.get_many([ref])
        except Exception as error:
            if not _may_be_a_records(error):
                raise
        else:
            return True
    return False if others else None


def _in_halves(work: Work, refs: Sequence[str], error: Exception, found: Found) -> bool:
    """Read each half, and its halves where it is refused; whether the CRM answered at all."""
    if len(refs) == 1:
        found.refused[refs[0]] = _why(error)
        return False
    answered = False
    half = len(refs) // 2
    for part in (refs[:half], refs[half:]):
        work.keep_lease()
        try:
            found.records |= work.connector.get_many(part)
            answered = True
        except Exception as refusal:
            if not _may_be_a_records(refusal):
                raise
            answered |= _in_halves(work, part, refusal, found)
    return answered


def _why(error: Exception) -> str:
    # What is no error of the connector's may quote the record.
    why = error.reason if isinstance(error, ConnectorError) else f"its answer is odd ({type(error).__name__})"
    return f"the CRM does not show the record: {why}"


def believed(
    work: Work, news: Sequence[Looked], seen: Mapping[str, Sighting], *, force: bool = False
) -> Sequence[Looked]:
    """The news of a listing, with what may be out of date replaced by what a direct read says.

    A listing may come from an index that is behind. A record that it shows as it was before we last saw (or
    wrote) it, or as living though it was gone, must not pass for an edit that takes the newer value back; nor
    must one that waits to be read again, as after a write of unknown outcome. With `force` all records of
    the listing are to be planned, whether they are news or not.
    """
    suspects = [each for each in news if not force or is_news(each.observation, seen.get(each.ref))]
    if not suspects:
        return news
    lately = stamp_of(work.now() - LATELY)
    with work.database.reading() as tx:
        waiting = doubts.to_be_read(tx, work.connection_id, (each.ref for each in suspects))
    out_of_date = {
        each.ref for each in suspects if each.ref in seen and _is_doubtful(each, seen[each.ref], lately)
    }
    doubtful = sorted(waiting | out_of_date)
    if not doubtful:
        return news
    found = read(work, doubtful)
    direct = [look(work, each) for each in found.observations(doubtful)]
    direct += [unreadable(ref, why, seen.get(ref)) for ref, why in found.refused.items()]
    certain = [each for each in news if each.ref not in doubtful]
    return certain + [each for each in direct if force or not same_meaning(each, seen.get(each.ref))]


def _is_doubtful(looked: Looked, seen: Sighting, lately: int) -> bool:
    if seen.digest == DIGEST_GONE and looked.observation.presence is Presence.LIVE:
        return True
    stamp = stamp_of(looked.observation.modified_at)
    # Of one stamp (some CRMs count in seconds) either may be the later. Long after, only the map is new.
    return 0 < stamp < seen.stamp or lately < stamp == seen.stamp
