"""Outbound messages: what Salesforce sends by itself, SOAP over HTTP, told apart by a secret in the path.

Source: SOAP API developer guide, outbound messaging. A message carries a session id and addresses of the
org, which are never kept: the parser hands over only the texts that are read here.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from connectors.salesforce.errors import is_id, long_id
from connectors.salesforce.listing import OBJECT
from connectors.strict import MAX_DEPTH, UnreadableError
from connectors.webhook import Answer, Delivery, ForgedError, Hint, WebhookConfig

MIN_SECRET = 16
"""Characters. Salesforce signs nothing, so the secret is all that keeps strangers out."""
MAX_NOTIFICATIONS = 100
MAX_ELEMENTS = 20_000
"""More than a message of 100 records has below the limit of a body."""

_ENVELOPE = "{http://schemas.xmlsoap.org/soap/envelope/}"
_OUTBOUND = "{http://soap.sforce.com/2005/09/outbound}"
_FIELDS = "{urn:sobject.enterprise.soap.sforce.com}"
_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"

_MESSAGE = (f"{_ENVELOPE}Envelope", f"{_ENVELOPE}Body", f"{_OUTBOUND}notifications")
_ORGANISATION = (*_MESSAGE, f"{_OUTBOUND}OrganizationId")
_NOTIFICATION = (*_MESSAGE, f"{_OUTBOUND}Notification")
_EVENT = (*_NOTIFICATION, f"{_OUTBOUND}Id")
_RECORD = (*_NOTIFICATION, f"{_OUTBOUND}sObject")
_REF = (*_RECORD, f"{_FIELDS}Id")
_TEXTS = {_ORGANISATION: "OrganizationId", _EVENT: "the Id of a Notification", _REF: "the Id of an sObject"}

_ATTRIBUTE = re.compile(rb"""=\s*["']""")
_DECLARED = re.compile(rb"""(?:\xef\xbb\xbf)?\s*<\?xml[^>]*?encoding\s*=\s*["']([^"'>]*)""")
_ACK = (
    b'<?xml version="1.0" encoding="UTF-8"?>'
    b'<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>'
    b'<notificationsResponse xmlns="http://soap.sforce.com/2005/09/outbound"><Ack>true</Ack>'
    b"</notificationsResponse></soapenv:Body></soapenv:Envelope>"
)


class OutboundMessages:
    """Reads outbound messages of one org."""

    def __init__(self, config: WebhookConfig) -> None:
        self._secret = config.secret.encode() if len(config.secret) >= MIN_SECRET else None
        self._organisation = long_id(config.account_id) if config.account_id else None

    def verify(self, delivery: Delivery) -> None:
        """Compare the secret of the path. A secret that is missing, or too short, fits nothing.

        Raises:
            ForgedError: it is another.
        """
        given = (delivery.secret or "").encode("utf-8", "surrogatepass")
        same = hmac.compare_digest(given, self._secret or b"")
        if not same or self._secret is None:
            raise ForgedError("the secret in the path is not the one that was set")

    def parse(self, body: bytes) -> Sequence[Hint]:
        """One hint for each Account. A notification without a record (deleted by now) is passed over.

        Raises:
            ForgedError: the message is of another org.
            UnreadableError: it is no outbound message of 1 to 100 notifications.
        """
        message = _read(body)
        organisation = _id(message.organisation, "OrganizationId")
        if self._organisation is not None and organisation != self._organisation:
            raise ForgedError("the message is of another organisation than the connection's")
        if not message.notifications:
            raise UnreadableError("there is no Notification")
        refs: dict[str, str] = {}
        for each in message.notifications:
            event = _id(each.event, "the Id of a Notification")
            if each.ref is None:
                continue
            if not each.kind:
                raise UnreadableError("an sObject has no xsi:type")
            ref = _id(each.ref, "the Id of an sObject")
            if each.kind == OBJECT and refs.setdefault(event, ref) != ref:
                raise UnreadableError("one Notification Id stands for two records")
        return [Hint(event, ref) for event, ref in refs.items()]

    def answer(self) -> Answer:
        """Without `Ack` true, Salesforce sends the message again."""
        return Answer(body=_ACK, media_type="text/xml")


@dataclass(slots=True)
class _Notification:
    event: str | None = None
    kind: str = ""
    ref: str | None = None


class _Message:
    """What the parser reports to. Keeps three kinds of texts, and refuses early what is no such message."""

    def __init__(self) -> None:
        self.organisation: str | None = None
        self.notifications: list[_Notification] = []
        self._path: tuple[str, ...] = ()
        self._text: list[str] | None = None
        self._begun = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        path = self._path = (*self._path, tag)
        if len(path) > MAX_DEPTH:
            raise UnreadableError(f"it is nested more than {MAX_DEPTH} deep")
        if len(path) <= len(_MESSAGE) and path != _MESSAGE[: len(path)]:
            raise UnreadableError("it is no SOAP envelope of outbound notifications")
        if path == _MESSAGE:
            if self._begun:
                raise UnreadableError("notifications stands twice")
            self._begun = True
        elif self._text is not None:
            raise UnreadableError("an id holds further elements")
        elif path in _TEXTS:
            self._text = []
        elif path == _NOTIFICATION:
            if len(self.notifications) == MAX_NOTIFICATIONS:
                raise UnreadableError(f"it has more than {MAX_NOTIFICATIONS} notifications")
            self.notifications.append(_Notification())
        elif path == _RECORD:
            self.notifications[-1].kind = attributes.get(_TYPE, "").rpartition(":")[2]

    def data(self, text: str) -> None:
        """A piece of text."""
        if self._text is not None:
            self._text.append(text)

    def end(self, _: str) -> None:
        """An element ends."""
        path, self._path = self._path, self._path[:-1]
        if self._text is None or path not in _TEXTS:
            return
        text, self._text = "".join(self._text), None
        if path == _ORGANISATION:
            self.organisation = _once(self.organisation, text, _TEXTS[path])
        elif path == _EVENT:
            self.notifications[-1].event = _once(self.notifications[-1].event, text, _TEXTS[path])
        else:
            self.notifications[-1].ref = _once(self.notifications[-1].ref, text, _TEXTS[path])

    def close(self) -> _Message:
        """The document is over."""
        return self


def _read(body: bytes) -> _Message:
    declared = _DECLARED.match(body[:1_000])
    if declared and declared.group(1).lower() != b"utf-8":
        raise UnreadableError("it is not declared as UTF-8")
    # The parser would still guess UTF-16 from NULs, whatever encoding it is told.
    if b"\0" in body:
        raise UnreadableError("it holds NUL characters")
    # Before the parser runs: attributes, comments and instructions cost as much as elements.
    attributes = sum(1 for _ in islice(_ATTRIBUTE.finditer(body), MAX_ELEMENTS))
    if body.count(b"<") - body.count(b"</") + attributes > MAX_ELEMENTS:
        raise UnreadableError(f"it has more than {MAX_ELEMENTS} elements and attributes")
    message = _Message()
    parser = DefusedXMLParser(target=message, forbid_dtd=True)
    try:
        parser.feed(body.decode("utf-8"))
        parser.close()
    except UnicodeDecodeError:
        raise UnreadableError("it is not UTF-8") from None
    except ParseError as error:
        line, column = error.position
        raise UnreadableError(f"it is not XML (line {line}, column {column})") from None
    except DefusedXmlException:
        raise UnreadableError("it has a document type or entities") from None
    return message


def _once(before: str | None, text: str, name: str) -> str:
    if before is not None:
        raise UnreadableError(f"{name} stands twice")
    return text


def _id(text: str | None, name: str) -> str:
    """The 18-character form."""
    if text is None:
        raise UnreadableError(f"{name} is missing")
    if not is_id(text):
        raise UnreadableError(f"{name} is no id of Salesforce")
    return long_id(text)


def open_webhook(config: WebhookConfig) -> OutboundMessages:
    """Build the reader; nothing is called."""
    return OutboundMessages(config)
