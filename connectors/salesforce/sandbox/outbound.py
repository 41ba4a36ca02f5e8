"""Outbound messages: what the org sends by itself when an account is made or edited.

Source: SOAP API developer guide, outbound messaging. A message holds the values of the moment in which it
is sent, not of the edit; deletions, restores and the losers of merges send none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any
from urllib.parse import quote

import msgspec

from connectors.salesforce.sandbox.ids import numbered
from connectors.salesforce.sandbox.schema import Row, Schema
from connectors.salesforce.sandbox.store import Change
from connectors.sandbox.control import ControlError
from connectors.sandbox.deliveries import Notification, OutboxSettings, Twist
from connectors.sandbox.outbox import Attempt, Outbox, Prepared

SENDING = ("create", "update")
"""Kinds of changes that a rule of the org can send a message for."""

_OK = 200
_ACK = re.compile(rb"<(?:\w+:)?Ack>\s*true\s*</")
_UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold."""


class Chosen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the message was set up with; set with the knobs of the outbox.

    Attributes:
        fields: fields of the account that are sent beside its Id.
        send_session: put a session id in.
    """

    fields: tuple[str, ...] = ("Name",)
    send_session: bool = False


class Outbound:
    """Tells the outbox of every account made or edited.

    Args:
        organisation: the org's id.
        pod: three characters that name its place.
        seed: of the draws.
        rows: the accounts as they are now, read when a message is sent.
        schema: gives the fields as they are now.
    """

    def __init__(
        self,
        *,
        organisation: str,
        pod: str,
        seed: int,
        rows: Mapping[str, Row],
        schema: Callable[[], Schema],
    ) -> None:
        self.outbox = Outbox(self._render, seed=seed, accepts=acknowledged)
        self._organisation, self._rows, self._schema = organisation, rows, schema
        self._head = f"04l{pod}"
        self._action = numbered(f"04k{pod}", seed)
        self._chosen = Chosen()

    def checked(self, given: Any) -> tuple[Chosen, OutboxSettings]:
        """The knobs with these set, to be handed to `use`.

        Raises:
            ControlError: something of it does not fit.
        """
        if not isinstance(given, dict):
            raise ControlError("webhooks is a JSON object")
        own = {name: value for name, value in given.items() if name in Chosen.__struct_fields__}
        rest = {name: value for name, value in given.items() if name not in own}
        try:
            chosen = msgspec.convert({**msgspec.structs.asdict(self._chosen), **own}, Chosen)
        except msgspec.ValidationError as error:
            raise ControlError(f"webhooks: {error}") from None
        for name in chosen.fields:
            field = self._schema().by_name.get(name)
            if field is None or field.type == "address":
                raise ControlError(f"webhooks: fields: a message cannot hold {name}")
        return chosen, self.outbox.checked(rest)

    def use(self, chosen: Chosen, settings: OutboxSettings) -> None:
        """Let these knobs be in force."""
        self._chosen = chosen
        self.outbox.use(settings)

    def settings(self) -> Mapping[str, Any]:
        """The knobs and where they stand."""
        return {**msgspec.structs.asdict(self._chosen), **msgspec.structs.asdict(self.outbox.settings)}

    def tell(self, changes: Sequence[Change]) -> None:
        """Hand the changes of a commit to the outbox."""
        if self.outbox.settings.target is None:
            return
        self.outbox.add(
            [
                Notification(numbered(self._head, each.seq), each.record, None)
                for each in changes
                if each.kind in SENDING
            ]
        )

    def _render(self, batch: Sequence[Notification], attempt: Attempt) -> Prepared:
        own = f"{attempt.target}/{quote(attempt.secret, safe='')}" if attempt.secret else attempt.target
        forged = attempt.twist is Twist.FORGED
        headers = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '""', "Accept": "text/xml"}
        return Prepared(f"{own}x" if forged else own, headers, self._message(batch).encode())

    def _message(self, batch: Sequence[Notification]) -> str:
        short = self._organisation[:15]
        session = '<SessionId xsi:nil="true"/>'
        if self._chosen.send_session:
            session = f"<SessionId>{short}!AQ0AQsandbox.{self._action}</SessionId>"
        services = f"https://sandbox.my.salesforce.com/services/Soap/{{}}/61.0/{short}"
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"'
            ' xmlns:xsd="http://www.w3.org/2001/XMLSchema"'
            ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">\n <soapenv:Body>\n'
            '  <notifications xmlns="http://soap.sforce.com/2005/09/outbound">\n'
            f"   <OrganizationId>{self._organisation}</OrganizationId>\n"
            f"   <ActionId>{self._action}</ActionId>\n"
            f"   {session}\n"
            f"   <EnterpriseUrl>{services.format('c')}</EnterpriseUrl>\n"
            f"   <PartnerUrl>{services.format('u')}</PartnerUrl>\n"
            f"{''.join(map(self._notification, batch))}"
            "  </notifications>\n </soapenv:Body>\n</soapenv:Envelope>"
        )

    def _notification(self, told: Notification) -> str:
        row = self._rows[told.ref]
        head = 'sObject xsi:type="sf:Account" xmlns:sf="urn:sobject.enterprise.soap.sforce.com"'
        # Salesforce says no more than that the data is missing once the record is deleted.
        values = {} if row["IsDeleted"] else {name: row.get(name) for name in ("Id", *self._chosen.fields)}
        types = self._schema().by_name
        fields = "".join(
            f"     <sf:{name}>{_written(value, types[name].type)}</sf:{name}>\n"
            for name, value in values.items()
            if value is not None
        )
        return (
            f"   <Notification>\n    <Id>{told.event}</Id>\n    <{head}>\n{fields}    </sObject>\n"
            "   </Notification>\n"
        )


def acknowledged(status: int, body: bytes) -> bool:
    """Whether an answer says that the receiver has the message; a 200 alone does not."""
    return status == _OK and _ACK.search(body) is not None


def _written(value: object, kind: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    if kind == "datetime":
        text = text.removesuffix("+0000") + "Z"
    return escape(_UNWRITABLE.sub("", text), quote=False).replace("\r", "&#13;")
