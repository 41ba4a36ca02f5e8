"""How a baseline is kept: one short list per field.

`[]` both sides blank · `[x]` both the same to the letter · `[local, crm]` otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping

from connectors.records import JSON, Fields, FieldValue, from_json, to_json
from sync.core import normalise
from sync.core.diff import Baseline


def pack_pairs(baseline: Baseline) -> dict[str, JSON]:
    """The baseline as JSON."""
    packed: dict[str, JSON] = {}
    for path, (local, remote) in baseline.items():
        ours = to_json(local)
        theirs = ours if local is remote else to_json(remote)
        if not normalise.equal(ours, theirs) or type(ours) is not type(theirs):
            packed[path] = [ours, theirs]
        else:
            packed[path] = [] if ours is None else [ours]
    return packed


def unpack_pairs(packed: Mapping[str, JSON] | None) -> Baseline | None:
    """Read back what `pack_pairs` made; None stays None."""
    if packed is None:
        return None
    pairs: dict[str, tuple[FieldValue, FieldValue]] = {}
    for path, forms in packed.items():
        values = forms if isinstance(forms, list) else []
        local = from_json(path, values[0]) if values else None
        remote = from_json(path, values[1]) if len(values) > 1 else local
        pairs[path] = (local, remote)
    return pairs


def pack_fields(fields: Fields) -> dict[str, JSON]:
    """Field values as JSON, by path."""
    return {path: to_json(value) for path, value in fields.items()}


def unpack_fields(packed: Mapping[str, JSON]) -> dict[str, FieldValue]:
    """Read back what `pack_fields` made."""
    return {path: from_json(path, value) for path, value in packed.items()}
