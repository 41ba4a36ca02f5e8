"""Bodies that are no outbound message: broken, of another form, or made to harm who reads them."""

from __future__ import annotations

from tests.connectors.salesforce_client.soap import (
    ACCOUNT,
    FIELDS,
    HEAD,
    NOTIFICATION,
    OUTBOUND,
    SOAP,
    message,
    notification,
    record,
)

LIMIT = 1_000_000
"""Bytes that a body may have."""


def with_type(declarations: str, text: str = "&a;") -> bytes:
    """A message with a document type, whose entity stands in a field."""
    head = f"{HEAD}<!DOCTYPE soapenv:Envelope {declarations}>"
    return message(notification(sobject=record(fields=f"<sf:Name>{text}</sf:Name>")), head=head)


def _laughs() -> str:
    lines = ['<!ENTITY a0 "haha">']
    lines += [f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10)]
    return f"[{''.join(lines)}]"


def _full(inside: str, fill: str) -> bytes:
    """As much of `fill` as a body may hold."""
    head, tail = message(notification(sobject=record(fields=inside))).split(b"@")
    return head + fill.encode() * ((LIMIT - len(head) - len(tail)) // len(fill)) + tail


def _many(attribute: str) -> bytes:
    """An element with as many attributes as a body may hold; it is never closed."""
    attributes = " ".join(map(attribute.format, range(LIMIT // (len(attribute) + 5))))
    return message(notification(sobject=record(fields=f"<a {attributes}>")))[:LIMIT]


_GOOD = message()

HARMFUL = {
    "billion laughs": with_type(_laughs(), "&a9;"),
    "quadratic blowup": with_type(f'[<!ENTITY a "{"x" * 50_000}">]', "&a;" * 50_000),
    "an entity that names itself": with_type('[<!ENTITY a "&a;">]'),
    "a parameter entity": with_type('[<!ENTITY % p SYSTEM "file:///etc/hostname"> %p;]', ""),
    "an external entity, a file": with_type('[<!ENTITY a SYSTEM "file:///etc/passwd">]'),
    "an external entity, an address": with_type('[<!ENTITY a SYSTEM "http://127.0.0.1:1/a">]'),
    "an external document type": with_type('SYSTEM "http://127.0.0.1:1/a.dtd"', ""),
    "a public document type": with_type('PUBLIC "-//A//B" "http://127.0.0.1:1/a.dtd"', ""),
    "an empty document type": with_type("[]", ""),
    "an unparsed entity": with_type('[<!NOTATION n SYSTEM "n"><!ENTITY a SYSTEM "b" NDATA n>]', ""),
    "a default attribute": with_type('[<!ATTLIST x y CDATA "z">]', ""),
    "deep nesting": _full("@", "<a>"),
    "elements without number": _full("@", "<a/>"),
    "attributes without number": _many("b{}=''"),
    "namespaces without number": _many("xmlns:b{}='c'"),
    "one long name": _full("<@", "a")[: LIMIT - 2_000],
    "one long comment that never ends": _full("<!-- @", "-> "),
    "processing instructions": _full("@<a>", "<?a?>"),
    "character references": _full("@<a>", "&#65;"),
    "open brackets": b"<" * LIMIT,
    "an entity without declaration": with_type("", "&nbsp;").replace(b"<!DOCTYPE soapenv:Envelope >", b""),
}

BROKEN = {
    "nothing": b"",
    "JSON": b'[{"objectId": 1}]',
    "cut off": _GOOD[:-40],
    "two documents": _GOOD + _GOOD.partition(b"?>")[2],
    "UTF-16": _GOOD.decode().replace("UTF-8", "UTF-16").encode("utf-16"),
    "UTF-16 that calls itself UTF-8": _GOOD.decode().encode("utf-16-le"),
    "UTF-32": _GOOD.decode().encode("utf-32"),
    "UTF-7": message(head='<?xml version="1.0" encoding="UTF-7"?>'),
    "EBCDIC": _GOOD.decode().encode("cp500"),
    "an encoding that is none": message(head='<?xml version="1.0" encoding="rot13"?>'),
    "an encoding behind a byte order mark": b"\xef\xbb\xbf"
    + message(head="<?xml version='1.0' encoding='cp037'?>"),
    "Latin-1 bytes": _GOOD.replace(b"Acme", b"Acm\xe9"),
    "NUL": _GOOD.replace(b"Acme", b"Ac\0me"),
    "half a surrogate pair": _GOOD.replace(b"Acme", b"\xed\xa0\x80"),
    "a reference to NUL": _GOOD.replace(b"Acme", b"&#0;"),
}

OTHER_FORMS = {
    "it is no SOAP envelope of outbound notifications": (
        b"<html><body>Acme</body></html>",
        _GOOD.replace(SOAP.encode(), b"http://www.w3.org/2003/05/soap-envelope"),
        _GOOD.replace(OUTBOUND.encode(), b"http://soap.sforce.com/2006/08/outbound"),
        f'<notifications xmlns="{OUTBOUND}"/>'.encode(),
    ),
    "it is nested more than 32 deep": (
        message(notification(sobject=record(fields="<a>" * 28 + "</a>" * 28))),
    ),
    "notifications stands twice": (
        _GOOD.replace(b"</soapenv:Body>", f'<notifications xmlns="{OUTBOUND}"/></soapenv:Body>'.encode()),
    ),
    "OrganizationId is missing": (
        _GOOD.replace(b"OrganizationId", b"OrganisationId"),
        f'<a:Envelope xmlns:a="{SOAP}"><a:Body/></a:Envelope>'.encode(),
    ),
    "OrganizationId is no id of Salesforce": (
        message(organisation=""),
        message(organisation="00D' OR 1=1 --x"),
    ),
    "OrganizationId stands twice": (
        _GOOD.replace(b"<ActionId>", b"<OrganizationId>00D000000000001</OrganizationId><ActionId>"),
    ),
    "there is no Notification": (message(""),),
    "it has more than 100 notifications": (message(notification() * 101),),
    "the Id of a Notification is missing": (message(f"<Notification>{record()}</Notification>"),),
    "the Id of a Notification is no id of Salesforce": (message(notification("04l")),),
    "the Id of an sObject is no id of Salesforce": (
        message(notification(sobject=record("001"))),
        message(notification(sobject=record(ACCOUNT[:-1] + "B"))),
        message(notification(sobject=record("００１5j00000XyZ12"))),
        message(notification(sobject=record(""))),
    ),
    "the Id of an sObject stands twice": (
        message(notification(sobject=record(fields="<sf:Id>001000000000001</sf:Id>"))),
    ),
    "an sObject has no xsi:type": (
        message(notification(sobject=f'<sObject xmlns:sf="{FIELDS}"><sf:Id>{ACCOUNT}</sf:Id></sObject>')),
    ),
    "an id holds further elements": (_GOOD.replace(NOTIFICATION.encode(), b"<Id>04l000000000001</Id>"),),
    "one Notification Id stands for two records": (
        message(notification(), notification(sobject=record("001000000000001"))),
    ),
}
