"""The ways in which a connector can be let into an account, and which of them what was given means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from connectors.errors import Misconfigured


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """One thing to give. `secret`: it is not shown while it is typed."""

    question: str
    secret: bool = True
    optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """What has to be given together, by name."""

    name: str
    credentials: Mapping[str, Credential]

    def missing(self, given: Iterable[str]) -> list[str]:
        """What is not given and must be, in order."""
        there = set(given)
        return [name for name, each in self.credentials.items() if not each.optional and name not in there]


def choose(ways: Sequence[Way], given: Mapping[str, str], known: Mapping[str, str] | None = None) -> Way:
    """The way that is meant: one that takes all of `given`, and lacks least of what it needs.

    Args:
        ways: of the connector; where several fit equally well, the first.
        given: what is to be put in force.
        known: what is in force; its own way goes before the others if it takes what is given.

    Raises:
        Misconfigured: no way takes all that is given.
    """
    known = known or {}
    fitting = [way for way in ways if given.keys() <= way.credentials.keys()]
    if not fitting:
        raise Misconfigured(
            f"No way to connect takes {_listed(given)}{' together' if len(given) > 1 else ''}.",
            cure=f"These ways there are: {explained(ways)}.",
        )
    present = [way for way in fitting if known and not way.missing(known)]
    if not given and not present:
        return fitting[0]
    return present[0] if present else min(fitting, key=lambda way: len(way.missing([*known, *given])))


def merged(ways: Sequence[Way], given: Mapping[str, str], known: Mapping[str, str]) -> dict[str, str]:
    """The credentials after `given` was put in force: those of one way, and what belongs to no way.

    Raises:
        Misconfigured: they are not complete, or do not go together.
    """
    apart = {
        name: value for name, value in known.items() if not any(name in each.credentials for each in ways)
    }
    if not given:
        return dict(known)
    way = choose(ways, given, {name: value for name, value in known.items() if name not in apart})
    both = {**known, **given}
    if missing := way.missing(both):
        raise Misconfigured(
            f"{_listed(missing)} is missing for: {way.name}.", cure=f"Give {_listed(missing)}, too."
        )
    return {**apart, **{name: both[name] for name in way.credentials if name in both}}


def option(name: str) -> str:
    """How a credential is given on the command line."""
    return f"--{'private-key-file' if name == 'private_key' else name.replace('_', '-')}"


def explained(ways: Sequence[Way]) -> str:
    """The ways with what each needs, for an error or a help text."""
    return "; ".join(f"{_listed(way.missing(()))} ({way.name})" for way in ways) or "no credentials"


def _listed(names: Iterable[str]) -> str:
    return " and ".join(option(name) for name in names)
