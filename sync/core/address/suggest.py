"""What surrounds the check: the digest of an address and a score for the review page."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from rapidfuzz import fuzz

from connectors.records import Address
from sync.core.address.fold import fold


@lru_cache(maxsize=8192)
def exact_parts(address: Address | None) -> Mapping[str, str]:
    """The parts that have a value, trimmed and in NFC: what *exactly this address* means."""
    if address is None:
        return MappingProxyType({})
    trimmed = {
        name: (value if value.isascii() else unicodedata.normalize("NFC", value)).strip()
        for name, value in address.parts().items()
    }
    return MappingProxyType({name: value for name, value in trimmed.items() if value})


def digest(address: Address | None) -> str:
    """SHA-256, in hex, of the trimmed NFC parts; a blank address and None have the same one."""
    parts = json.dumps(dict(exact_parts(address)), ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(parts.encode("utf-8", "surrogatepass")).hexdigest()


def similarity(local: Address | None, remote: Address | None) -> float:
    """How alike two addresses look, 0 to 1: a suggestion for a person, never a verdict."""
    left, right = (fold(" ".join(exact_parts(address).values())) for address in (local, remote))
    return fuzz.token_sort_ratio(left[:1000], right[:1000]) / 100
