"""The port over Salesforce."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

import msgspec

from connectors.errors import ConnectorError, Misconfigured, NotFound, Retryable
from connectors.mapping import Codec, payload_of
from connectors.port import (
    Capabilities,
    ConnectorConfig,
    CrmField,
    Cursor,
    Description,
    Observation,
    Page,
    Receipt,
    Update,
    Write,
)
from connectors.records import Fields
from connectors.salesforce.errors import is_id
from connectors.salesforce.listing import OBJECT, PAGE, Listing, Reader, readable
from connectors.salesforce.session import Session
from connectors.salesforce.writing import COLLECTION, COMPOSITE, CONDITIONAL_MOST, Writer
from connectors.transport import Meter, Retries

_OWN = ("id", "systemmodstamp", "isdeleted", "masterrecordid", "lastmodifieddate")
"""Fields that Salesforce fills itself, in lower case: its names ignore case."""
KEY_TYPES = ("string", "id", "email", "phone", "url", "textarea")


class SalesforceConnector:
    """One Salesforce org."""

    def __init__(
        self, config: ConnectorConfig, *, meter: Meter | None = None, retries: Retries | None = None
    ):
        self.meter = meter or Meter(config.allowance)
        self.key_field = config.external_id
        if not self.key_field or self.key_field.lower() in _OWN:
            raise Misconfigured(
                f"The external id cannot be in the field {self.key_field or '(none)'}.",
                cure="Name a text field; to take the CRM's own ids instead: concord connections set NAME "
                "--on-missing-external-id adopt_ref",
            )
        self._closed: Set[str] | None = None
        self._codec = Codec(config.mapping)
        self._session = Session(config, self._codec, self.meter, retries or Retries.of(config.patience))
        self._reader = Reader(self._codec, self.key_field)
        self._listing = Listing(self._session, self._reader)
        self._writer = Writer(self._session, self._codec, self.key_field, self._read_only)

    @property
    def capabilities(self) -> Capabilities:
        """What Salesforce can do."""
        return Capabilities(
            page_size=PAGE,
            read_batch=PAGE,
            write_batch=COLLECTION,
            conditional_write=True,
            history=False,
            deletes_in_changes=True,
            merges=True,
            webhooks=True,
        )

    def describe(self) -> Description:
        """The org and the fields of Account."""
        fields = self._fields()
        organisation = self._listing.organisation()
        return Description(
            account_id=organisation["Id"],
            account_name=organisation["Name"],
            object_name=OBJECT,
            fields=fields,
        )

    def _fields(self) -> dict[str, CrmField]:
        response = self._session.call("describe", "GET", f"sobjects/{OBJECT}/describe", repeatable=True)
        answer = readable(lambda: msgspec.json.decode(response.content))
        return {each["name"]: _field(each) for each in answer["fields"]}

    def _read_only(self) -> Set[str]:
        """Fields that this user may write to no record, asked once; none while Salesforce does not say."""
        if self._closed is None:
            try:
                self._closed = {name for name, each in self._fields().items() if not each.writable}
            except ConnectorError:
                return frozenset()
        return self._closed

    def list_changes(self, cursor: Cursor | None) -> Page:
        """By (SystemModstamp, Id), deleted and merged records included."""
        return self._listing.changes(cursor)

    def list_all(self, cursor: Cursor | None = None) -> Page:
        """By Id."""
        return self._listing.all(cursor)

    def partitions(self, count: int) -> Sequence[Cursor]:
        """By CreatedDate."""
        return self._listing.partitions(count)

    def list_deleted(self, cursor: Cursor | None = None) -> Page:
        """The recycle bin."""
        return self._listing.deleted(cursor)

    def get_many(self, refs: Sequence[str]) -> Mapping[str, Observation]:
        """As many as are written conditionally with their ETags, more without; what is gone, from the bin."""
        return self._read(refs, etags_for=CONDITIONAL_MOST)

    def _read(self, refs: Sequence[str], *, etags_for: int) -> dict[str, Observation]:
        wanted = [ref for ref in dict.fromkeys(refs) if is_id(ref)]
        read = self._with_etags if len(wanted) <= etags_for else self._retrieve
        found = {each.ref: each for each in read(wanted)}
        missing = [ref for ref in wanted if ref not in found]
        if missing:
            found |= {each.ref: each for each in self._listing.where_in("Id", missing, deleted=True)}
        return found

    def _with_etags(self, refs: Sequence[str]) -> list[Observation]:
        fields = ",".join((*self._reader.fields, "LastModifiedDate"))
        parts = [
            {
                "method": "GET",
                "url": f"{self._session.path}/sobjects/{OBJECT}/{ref}?fields={fields}",
                "referenceId": f"r{index}",
            }
            for index, ref in enumerate(refs)
        ]
        found = []
        for start in range(0, len(parts), COMPOSITE):
            for answer in self._writer.composite("read", parts[start : start + COMPOSITE], repeatable=True):
                if answer.httpStatusCode == 200:
                    etag = answer.httpHeaders.get("ETag")
                    version = f"etag:{etag}" if etag else None
                    found.append(self._reader.observe(bytes(answer.body), version=version))
        return found

    def _retrieve(self, refs: Sequence[str]) -> list[Observation]:
        fields = [*self._reader.fields, "LastModifiedDate"]
        found = []
        for start in range(0, len(refs), PAGE):
            body = {"ids": list(refs[start : start + PAGE]), "fields": fields}
            response = self._session.call(
                "retrieve", "POST", f"composite/sobjects/{OBJECT}", repeatable=True, body=body
            )
            items = self._reader.items(response.content)
            found += [self._reader.observe(bytes(raw)) for raw in items if bytes(raw) != b"null"]
        return found

    def find_by_external_id(self, external_ids: Sequence[str]) -> Sequence[Observation]:
        """By an IN query on the key field."""
        wanted = list(dict.fromkeys(external_ids))
        return self._listing.where_in(self.key_field, wanted, deleted=False)

    def write(self, batch: Sequence[Write]) -> Sequence[Receipt]:
        """Few updates conditionally, many by collections; then one read of what was stored."""
        return self._writer.write(batch, self._stored)

    def _stored(self, refs: Sequence[str]) -> Mapping[str, Observation]:
        try:
            return self._read(refs, etags_for=COMPOSITE)  # more than one call would bring no more
        except (Retryable, NotFound):
            return {}

    def overwritten(self, updates: Sequence[Update]) -> Sequence[Fields]:
        """Nothing: few writes are conditional, and Salesforce keeps no history of Accounts by default."""
        return [{} for _ in updates]

    def decode(self, observation: Observation) -> Fields:
        """Canonical fields of an Account."""
        return self._codec.decode(payload_of(observation))

    def calls(self) -> Mapping[str, int]:
        """Calls so far, logins included."""
        return self.meter.counts()

    def close(self) -> None:
        """Give back connections."""
        self._session.close()
        self.meter.close()


def _field(described: Mapping[str, object]) -> CrmField:
    options = described.get("picklistValues")
    length = described.get("length")
    return CrmField(
        name=str(described["name"]),
        label=str(described.get("label") or described["name"]),
        type="string" if described.get("type") in KEY_TYPES else str(described.get("type")),
        length=int(length) if isinstance(length, int) and length else None,
        writable=bool(described.get("updateable")) and bool(described.get("createable")),
        unique=bool(described.get("unique")),
        case_sensitive=bool(described.get("caseSensitive")),
        options=[str(each["value"]) for each in options] if isinstance(options, list) and options else None,
    )


def connect(config: ConnectorConfig) -> SalesforceConnector:
    """Build the connector; no call is made."""
    return SalesforceConnector(config)
