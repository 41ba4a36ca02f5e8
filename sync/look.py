"""A first look at what a CRM shows: whether it is news, whether it can be believed, and what it says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import orjson
import xxhash

from connectors.errors import InvalidRecord
from connectors.port import Observation, Presence
from connectors.records import Fields
from sync.core import normalise
from sync.core.validate import problem
from sync.situation import Looked
from sync.store.sightings import Sighting, stamp_of
from sync.work import Work

LATELY = timedelta(hours=2)
"""Longer than a listing is ever behind, with clocks that disagree."""

DIGEST_GONE = bytes(16)
DIGEST_STAGED = b"\xff" * 16
"""Of a record of which only the key is known."""


def believed(work: Work, news: Sequence[Looked], seen: Mapping[str, Sighting]) -> Sequence[Looked]:
    """The news of a listing, with what may be out of date replaced by what a direct read says.

    A listing may come from an index that is behind. A record that it shows as it was before we last saw (or
    wrote) it, or as living though it was gone, must not pass for an edit that takes the newer value back.
    """
    lately = stamp_of(work.now() - LATELY)
    doubtful = {each.ref for each in news if each.ref in seen and _is_doubtful(each, seen[each.ref], lately)}
    if not doubtful:
        return news
    found = work.connector.get_many(sorted(doubtful))
    read = [look(work, found.get(ref) or gone(ref)) for ref in sorted(doubtful)]
    certain = [each for each in news if each.ref not in doubtful]
    return certain + [each for each in read if not same_meaning(each, seen[each.ref])]


def _is_doubtful(looked: Looked, seen: Sighting, lately: int) -> bool:
    if seen.digest == DIGEST_GONE and looked.observation.presence is Presence.LIVE:
        return True
    stamp = stamp_of(looked.observation.modified_at)
    # Of one stamp (some CRMs count in seconds) either may be the later. Long after, only the map is new.
    return 0 < stamp < seen.stamp or lately < stamp == seen.stamp


def gone(ref: str) -> Observation:
    """The observation of a record that a direct read did not find."""
    return Observation(
        ref=ref,
        external_id=None,
        version="",
        modified_at=None,
        digest=DIGEST_GONE,
        payload=b"",
        presence=Presence.DELETED,
    )


def look(work: Work, observation: Observation) -> Looked:
    """Decode an observation and digest its canonical value."""
    if observation.presence is not Presence.LIVE:
        return Looked(observation=observation, fields={}, digest=DIGEST_GONE, external_id=None)
    try:
        fields = work.connector.decode(observation)
    except InvalidRecord as error:
        return Looked(
            observation=observation,
            fields={},
            digest=observation.digest,
            external_id=None,
            invalid=(error.field, error.detail),
        )
    key = normalise.external_id(observation.external_id)
    if key is not None and (why := problem("external_id", key)):
        return Looked(
            observation=observation,
            fields=fields,
            digest=observation.digest,
            external_id=None,
            invalid=("external_id", why),
        )
    return Looked(
        observation=observation, fields=fields, digest=canonical_digest(work, fields), external_id=key
    )


def canonical_digest(work: Work, fields: Fields) -> bytes:
    """16 bytes that stand for the canonical value under the present version of the map."""
    body = orjson.dumps(fields, option=orjson.OPT_SORT_KEYS)
    return xxhash.xxh3_128_digest(body, seed=work.connection.map_version)


def is_news(observation: Observation, seen: Sighting | None) -> bool:
    """Whether a record is not byte for byte as it was last seen."""
    return seen is None or seen.raw_digest != observation.digest


def drifted(
    observations: Iterable[Observation], seen: Mapping[str, Sighting], *, before: datetime | None
) -> int:
    """How many records are not as they were last seen, though they changed before a time.

    What changed later may be told by the CRM's feed yet. A record that is gone and does not say since when
    counts: deletions were asked for just before.

    Args:
        observations: records of a listing, or read directly.
        seen: what is known of them.
        before: the time; None counts nothing.
    """
    if before is None:
        return 0
    return sum(
        is_news(each, seen.get(each.ref))
        and (each.modified_at < before if each.modified_at else each.presence is not Presence.LIVE)
        for each in observations
    )


def same_meaning(looked: Looked, seen: Sighting | None) -> bool:
    """Whether a record says what it said when it was last seen."""
    return (
        seen is not None
        and looked.invalid is None
        and seen.digest == looked.digest
        and seen.external_id == looked.external_id
    )
