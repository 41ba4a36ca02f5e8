"""A first look at what a CRM shows: whether it is news, and what it says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

import orjson
import xxhash

from connectors.errors import InvalidRecord
from connectors.port import Observation, Presence
from connectors.records import JSON, Fields
from sync.core import normalise
from sync.core.validate import problem
from sync.situation import Looked
from sync.store.sightings import Sighting
from sync.work import Work

DIGEST_GONE = bytes(16)
LONGEST_SHOWN = 2_000
"""Bytes of a value that cannot be taken."""
DIGEST_STAGED = b"\xff" * 16
"""Of a record of which only the key is known: whatever the CRM shows of it is news."""


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


def unreadable(ref: str, reason: str, seen: Sighting | None) -> Looked:
    """A record that the CRM does not show, for a reason of its own; its key is the one that was last seen."""
    observation = Observation(
        ref=ref, external_id=None, version="", modified_at=None, digest=DIGEST_STAGED, payload=b""
    )
    return Looked(
        observation=observation,
        fields={},
        digest=DIGEST_STAGED,
        external_id=seen.external_id if seen else None,
        invalid=("", reason),
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
            raw=_shown(error.value),
        )
    key = normalise.external_id(observation.external_id)
    if key is not None and (why := problem("external_id", key)):
        return Looked(
            observation=observation,
            fields=fields,
            digest=observation.digest,
            external_id=None,
            invalid=("external_id", why),
            raw=_shown(observation.external_id),
        )
    return Looked(
        observation=observation, fields=fields, digest=canonical_digest(work, fields), external_id=key
    )


def _shown(value: object) -> JSON:
    """A value as a person is shown it, whatever it is: cut where it is long, nothing if it is no JSON."""
    try:
        text = orjson.dumps(value)
    except orjson.JSONEncodeError:
        return None
    if len(text) > LONGEST_SHOWN:
        return text[:LONGEST_SHOWN].decode("utf-8", "ignore") + "…"
    shown: JSON = orjson.loads(text)
    return shown


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
