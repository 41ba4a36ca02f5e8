"""The rules of a connection: which side may write a field, and who wins when both did.

Three settings per field (`direction`, `on_both_changed`, `blanks`), presets made of them, and the
policies of the whole record. Defaults never guess.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from sync.core.address import Level
from sync.core.scope import Condition


class Direction(StrEnum):
    """Which way a field may move."""

    TWO_WAY = "two_way"
    CRM_TO_LOCAL = "crm_to_local"
    LOCAL_TO_CRM = "local_to_crm"
    IGNORE = "ignore"


class OnBothChanged(StrEnum):
    """Who wins when both sides changed a field since they last agreed."""

    REVIEW = "review"
    PREFER_CRM = "prefer_crm"
    PREFER_LOCAL = "prefer_local"
    NEWEST = "newest"


class Blanks(StrEnum):
    """Whether emptying a field on one side empties it on the other."""

    KEEP = "keep"
    PROPAGATE = "propagate"


class FirstLink(StrEnum):
    """Who wins when a record is matched for the first time and a field differs."""

    REVIEW = "review"
    PREFER_CRM = "prefer_crm"
    PREFER_LOCAL = "prefer_local"


class AddressPolicy(StrEnum):
    """What a billing address that does not match does to its record."""

    STRICT = "strict"
    THREE_WAY = "three_way"


class OnPartial(StrEnum):
    """What a first link does when one address merely has more than the other."""

    KEEP = "keep"
    ENRICH = "enrich"
    REVIEW = "review"


class OnMissingExternalId(StrEnum):
    """What becomes of a CRM record that has no external id."""

    REVIEW = "review"
    ADOPT_REF = "adopt_ref"
    SKIP = "skip"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """The rule of one field. `first_link` None means the connection's own."""

    direction: Direction = Direction.TWO_WAY
    on_both_changed: OnBothChanged = OnBothChanged.REVIEW
    blanks: Blanks = Blanks.KEEP
    first_link: FirstLink | None = None

    @property
    def inbound(self) -> bool:
        """Whether the CRM's value may be written here."""
        return self.direction in (Direction.TWO_WAY, Direction.CRM_TO_LOCAL)

    @property
    def outbound(self) -> bool:
        """Whether our value may be written to the CRM."""
        return self.direction in (Direction.TWO_WAY, Direction.LOCAL_TO_CRM)

    def mirrored(self) -> Rule:
        """The rule as the other side sees it (for the law that swapping sides changes nothing)."""
        swap = {
            Direction.CRM_TO_LOCAL: Direction.LOCAL_TO_CRM,
            Direction.LOCAL_TO_CRM: Direction.CRM_TO_LOCAL,
        }
        both = {
            OnBothChanged.PREFER_CRM: OnBothChanged.PREFER_LOCAL,
            OnBothChanged.PREFER_LOCAL: OnBothChanged.PREFER_CRM,
        }
        first = {
            FirstLink.PREFER_CRM: FirstLink.PREFER_LOCAL,
            FirstLink.PREFER_LOCAL: FirstLink.PREFER_CRM,
        }
        return Rule(
            direction=swap.get(self.direction, self.direction),
            on_both_changed=both.get(self.on_both_changed, self.on_both_changed),
            blanks=self.blanks,
            first_link=first.get(self.first_link, self.first_link) if self.first_link else None,
        )


PRESETS: Mapping[str, Rule] = {
    "always_crm": Rule(direction=Direction.CRM_TO_LOCAL),
    "always_local": Rule(direction=Direction.LOCAL_TO_CRM),
    "crm_unless_blank": Rule(on_both_changed=OnBothChanged.PREFER_CRM, first_link=FirstLink.PREFER_CRM),
    "local_unless_blank": Rule(on_both_changed=OnBothChanged.PREFER_LOCAL, first_link=FirstLink.PREFER_LOCAL),
    "review": Rule(),
    "ignore": Rule(direction=Direction.IGNORE),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Everything the core needs to know of a connection's settings."""

    fields: tuple[str, ...]
    rules: Mapping[str, Rule] = field(default_factory=dict)
    first_link: FirstLink = FirstLink.REVIEW
    address_policy: AddressPolicy = AddressPolicy.STRICT
    address_level: Level = Level.NORMALISED
    on_partial: OnPartial = OnPartial.KEEP
    require_valid_address: bool = False
    on_missing_external_id: OnMissingExternalId = OnMissingExternalId.REVIEW
    map_version: int = 1
    scope: tuple[Condition, ...] = ()
    coded: frozenset[str] = frozenset()
    """Addresses of whose country the CRM keeps the code alone."""
    taken: frozenset[str] = field(init=False, compare=False, repr=False)
    """Fields that a new customer takes from its CRM record; its name is one, whatever the rule."""

    def __post_init__(self) -> None:
        taken = {path for path in self.fields if path == "customer_name" or self.rule(path).inbound}
        object.__setattr__(self, "taken", frozenset(taken))

    def rule(self, path: str) -> Rule:
        """The rule of a field; the default where none is set."""
        return self.rules.get(path, _DEFAULT)


_DEFAULT = Rule()
