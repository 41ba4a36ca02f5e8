"""Which records a resync is asked for: named ones, those that meet conditions, or all."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from connectors.records import JSON
from sync.errors import BadInput
from sync.scoping import ScopeLine, as_json, parse_lines

WHERE = "The filter"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Exactly one kind of choice.

    Args:
        ids: external ids or refs.
        refs: refs alone.
        where: conditions; a record is chosen if its customer or its CRM record meets them all.
        everything: all records.
        skip_unknown: go on without the named records that neither side knows, and report them.
    """

    ids: tuple[str, ...] = ()
    refs: tuple[str, ...] = ()
    where: tuple[ScopeLine, ...] = ()
    everything: bool = False
    skip_unknown: bool = False

    @property
    def named(self) -> int | None:
        """How many records are named; None if only a look can tell."""
        return None if self.where or self.everything else len(self.ids) + len(self.refs)

    def as_json(self) -> dict[str, JSON]:
        """The selection as it is kept with its run."""
        body: dict[str, JSON] = {"ids": [*self.ids], "refs": [*self.refs], "where": as_json(self.where)}
        body |= {"all": self.everything, "skip_unknown": self.skip_unknown}
        return {name: value for name, value in body.items() if value}


def read(data: Mapping[str, JSON], mapped: Collection[str]) -> Selection:
    """Read what `Selection.as_json` wrote.

    Raises:
        BadInput: a condition is about a field that is no longer mapped, or nothing is chosen.
    """
    made = Selection(
        ids=_texts(data.get("ids")),
        refs=_texts(data.get("refs")),
        where=parse_lines(data.get("where") or [], mapped, what=WHERE),
        everything=bool(data.get("all")),
        skip_unknown=bool(data.get("skip_unknown")),
    )
    check(made)
    return made


def check(selection: Selection) -> None:
    """Refuse a selection that is none, or two.

    Raises:
        BadInput: with the cure.
    """
    kinds = [selection.ids, selection.refs, selection.where, selection.everything]
    if sum(map(bool, kinds)) != 1:
        raise BadInput(
            "A resync takes exactly one kind of selection.",
            cure="Give --external-id, --ref, --file, --where or --all.",
        )


def _texts(value: JSON) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else ()
