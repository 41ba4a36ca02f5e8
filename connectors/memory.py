"""The reference connector: a CRM in memory, with every capability and every fault that the port knows.

It shows what a connector has to do in the fewest lines, and lets tests choose what a real CRM only
threatens with: timeouts before and after the commit, late-visible records, edits between read and write.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from datetime import datetime

import orjson

from connectors.errors import AlreadyExists, InvalidRecord, NotFound, Unavailable, VersionMismatch
from connectors.mapping import Codec, payload_of
from connectors.memory_crm import MemoryCrm, MemoryRecord, shared_crm
from connectors.port import (
    Capabilities,
    ConnectorConfig,
    Create,
    CrmField,
    Cursor,
    Description,
    Failed,
    FieldMapping,
    Landed,
    Observation,
    Page,
    Presence,
    Receipt,
    Unknown,
    Update,
    Write,
)
from connectors.records import ADDRESS_PARTS, JSON, Fields
from connectors.registry import Plugin

KEY = "key"
MAPPING = (
    FieldMapping("customer_name", "name"),
    FieldMapping("email", "email"),
    FieldMapping("phone_number", "phone"),
    *(FieldMapping(f"address.{part}", f"billing_{part}") for part in ADDRESS_PARTS),
)


class MemoryConnector:
    """The port over a `MemoryCrm`."""

    def __init__(self, crm: MemoryCrm, config: ConnectorConfig | None = None) -> None:
        self.crm = crm
        self.key_field = config.external_id if config else KEY
        self._codec = Codec(config.mapping if config else MAPPING)
        self._before = dict(crm.calls)

    @property
    def capabilities(self) -> Capabilities:
        """What this CRM can do."""
        return Capabilities(
            page_size=self.crm.page_size,
            read_batch=self.crm.page_size,
            write_batch=self.crm.write_size,
            conditional_write=self.crm.conditional_write,
            history=self.crm.keeps_history and not self.crm.conditional_write,
            deletes_in_changes=True,
            merges=True,
        )

    def describe(self) -> Description:
        """One account with a text field for each name of the map."""
        self.crm.called("describe")
        names = {self.key_field, *self._codec.crm_fields}
        return Description(
            account_id="memory",
            account_name="Memory",
            object_name="Customer",
            fields={
                name: CrmField(
                    name=name,
                    label=name,
                    type="text",
                    length=self.crm.lengths.get(name),
                    unique=name == self.key_field and self.crm.unique_key,
                    case_sensitive=True,
                )
                for name in names
            },
        )

    def list_changes(self, cursor: Cursor | None) -> Page:
        """Changed, deleted and merged records by (time, ref)."""
        self.crm.called("list_changes")
        if cursor is None:
            return Page((), {"at": self.crm.now.isoformat(), "ref": ""}, more=False)
        ordered = sorted(self.crm.records.values(), key=lambda record: (record.modified_at, record.ref))
        start = (datetime.fromisoformat(str(cursor["at"])), str(cursor["ref"]))
        fresh = [record for record in ordered if (record.modified_at, record.ref) > start]
        page = fresh[: self.crm.page_size]
        if not page:
            return Page((), dict(cursor), more=False)
        last = {"at": page[-1].modified_at.isoformat(), "ref": page[-1].ref}
        return Page([self._observe(record) for record in page], last, more=len(fresh) > len(page))

    def list_all(self, cursor: Cursor | None = None) -> Page:
        """Live records by ref."""
        self.crm.called("list_all")
        state = dict(cursor or {"since": self.crm.now.isoformat(), "after": "", "until": "~"})
        live = sorted(record.ref for record in self.crm.records.values() if record.presence is Presence.LIVE)
        rest = [ref for ref in live if str(state["after"]) < ref <= str(state["until"])]
        page = rest[: self.crm.page_size]
        more = len(rest) > len(page)
        following: Cursor = {**state, "after": page[-1]} if more else {"at": state["since"], "ref": ""}
        return Page([self._observe(self.crm.records[ref]) for ref in page], following, more, total=len(live))

    def partitions(self, count: int) -> Sequence[Cursor]:
        """Ranges of refs."""
        refs = sorted(self.crm.records)
        size = -(-len(refs) // count) if refs else 1
        edges = ["", *refs[size - 1 : -1 : size], "~"]
        since = self.crm.now.isoformat()
        return [
            {"since": since, "after": low, "until": high}
            for low, high in itertools.pairwise([*edges[:count], "~"])
        ]

    def list_deleted(self, cursor: Cursor | None = None) -> Page:
        """Nothing: `list_changes` has them."""
        self.crm.called("list_deleted")
        return Page((), dict(cursor or {}), more=False)

    def get_many(self, refs: Sequence[str]) -> Mapping[str, Observation]:
        """Records by ref."""
        self.crm.called("get_many")
        return {ref: self._observe(self.crm.records[ref]) for ref in refs if ref in self.crm.records}

    def find_by_external_id(self, external_ids: Sequence[str]) -> Sequence[Observation]:
        """Live records by key."""
        self.crm.called("find_by_external_id")
        wanted = set(external_ids)
        return [
            self._observe(record)
            for record in self.crm.records.values()
            if record.presence is Presence.LIVE
            and str(record.values.get(self.key_field) or "").strip() in wanted
        ]

    def write(self, batch: Sequence[Write]) -> Sequence[Receipt]:
        """Each write by itself, in order."""
        self.crm.calls["write"] = self.crm.calls.get("write", 0) + 1
        self.crm.before_write()
        return [self._write_one(each) for each in batch]

    def _write_one(self, each: Write) -> Receipt:
        try:
            fault = self.crm.faulty("write", each)
        except Unavailable as error:
            return Failed(error)
        payload = self._codec.encode(each.fields)
        if each.external_id is not None:
            payload[self.key_field] = each.external_id
        for name, value in payload.items():
            if fault == "refused" or len(str(value or "")) > self.crm.lengths.get(name, 1_000_000):
                path = "external_id" if name == self.key_field else self._codec.path_of(name)
                return Failed(InvalidRecord(path, "is refused by the CRM"))
        taken = self._holder(payload.get(self.key_field))
        if taken is not None and (isinstance(each, Create) or taken != each.ref):
            return Failed(AlreadyExists("another record has this key", ref=taken))
        if isinstance(each, Create):
            ref = self.crm.create(payload, ours=True)
        else:
            refused = self._refuse(each)
            if refused is not None:
                return refused
            ref = each.ref
            self.crm.edit(ref, payload, ours=True)
        if fault == "lost_answer":
            return Unknown(Unavailable("The answer was lost.", outcome_unknown=True))
        return Landed(ref, self._observe(self.crm.records[ref]))

    def _refuse(self, each: Update) -> Failed | None:
        record = self.crm.records.get(each.ref)
        if record is None or record.presence is not Presence.LIVE:
            return Failed(NotFound("the record is gone"))
        if self.crm.conditional_write and str(record.version) != each.expected_version:
            return Failed(VersionMismatch("the record has changed since it was read"))
        return None

    def _holder(self, key: JSON) -> str | None:
        if not self.crm.unique_key or key is None:
            return None
        live = (record for record in self.crm.records.values() if record.presence is Presence.LIVE)
        return next((record.ref for record in live if record.values.get(self.key_field) == key), None)

    def overwritten(self, updates: Sequence[Update]) -> Sequence[Fields]:
        """Foreign values between the version that was read and our last write."""
        if not self.capabilities.history:
            return [{} for _ in updates]
        self.crm.called("history")
        return [self._lost(each) for each in updates]

    def _lost(self, update: Update) -> Fields:
        record = self.crm.records.get(update.ref)
        names = set(self._codec.encode(update.fields))
        history = [each for each in (record.history if record else ()) if each[1] in names]
        ours = max((version for version, _, _, by_us in history if by_us), default=0)
        read = int(update.expected_version or 0)
        foreign = {
            name: value for version, name, value, by_us in history if read < version < ours and not by_us
        }
        if not foreign:
            return {}
        before = self._codec.encode(update.before)
        seen = self._codec.decode({**before, **foreign})
        touched = {self._codec.path_of(name) for name in foreign}
        return {path: value for path, value in seen.items() if path in touched and path in update.fields}

    def decode(self, observation: Observation) -> Fields:
        """Canonical fields of a payload."""
        return self._codec.decode(payload_of(observation))

    def calls(self) -> Mapping[str, int]:
        """Calls so far."""
        return {
            kind: count - self._before.get(kind, 0)
            for kind, count in sorted(self.crm.calls.items())
            if count > self._before.get(kind, 0)
        }

    def close(self) -> None:
        """Nothing to give back."""

    def _observe(self, record: MemoryRecord) -> Observation:
        payload = orjson.dumps([record.presence, dict(record.values)], option=orjson.OPT_SORT_KEYS)
        body = orjson.dumps(dict(record.values))
        key = record.values.get(self.key_field)
        return Observation(
            ref=record.ref,
            external_id=str(key) if key is not None else None,
            version=str(record.version),
            modified_at=record.modified_at,
            digest=self._codec.digest(payload),
            payload=body,
            presence=record.presence,
            merged_into=record.merged_into,
        )


PLUGIN = Plugin(
    name="memory",
    build=lambda config: MemoryConnector(shared_crm(config.url), config),
    external_id=KEY,
    mapping=MAPPING,
    default_url="memory://crm",
)
