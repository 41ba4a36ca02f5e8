"""Outbound messages as Salesforce writes them."""

from __future__ import annotations

from collections.abc import Sequence

ORG_15, ORG = "00D5j000009ABCD", "00D5j000009ABCDEA4"
ACCOUNT_15, ACCOUNT = "0015j00000XyZ12", "0015j00000XyZ12AAF"
NOTIFICATION = "04l5j0000000abcAAA"
SESSION = "00D5j000009ABCD!AQ0AQCANARYSESSION"
PARTNER = "https://canary.my.salesforce.com/services/Soap/u/61.0/00D5j000009ABCD"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
OUTBOUND = "http://soap.sforce.com/2005/09/outbound"
SCHEMA = "http://www.w3.org/2001/XMLSchema-instance"
FIELDS = "urn:sobject.enterprise.soap.sforce.com"
HEAD = '<?xml version="1.0" encoding="UTF-8"?>'


def record(
    ref: str = ACCOUNT, *, kind: str = "Account", fields: str = "<sf:Name>Acme &amp; Co</sf:Name>"
) -> str:
    """An sObject."""
    return f'<sObject xsi:type="sf:{kind}" xmlns:sf="{FIELDS}"><sf:Id>{ref}</sf:Id>{fields}</sObject>'


def notification(event: str = NOTIFICATION, *, sobject: str | None = None) -> str:
    """A Notification."""
    return f"<Notification><Id>{event}</Id>{record() if sobject is None else sobject}</Notification>"


def message(
    *notifications: str,
    organisation: str = ORG,
    head: str = HEAD,
    session: str = f"<SessionId>{SESSION}</SessionId>",
) -> bytes:
    """A whole message, of one notification unless some are given."""
    inner: Sequence[str] = notifications or (notification(),)
    return (
        f'{head}<soapenv:Envelope xmlns:soapenv="{SOAP}" xmlns:xsd="http://www.w3.org/2001/XMLSchema"'
        f' xmlns:xsi="{SCHEMA}"><soapenv:Body><notifications xmlns="{OUTBOUND}">'
        f"<OrganizationId>{organisation}</OrganizationId><ActionId>04k5j0000000xyzAAA</ActionId>{session}"
        f"<EnterpriseUrl>{PARTNER.replace('/u/', '/c/')}</EnterpriseUrl><PartnerUrl>{PARTNER}</PartnerUrl>"
        f"{''.join(inner)}</notifications></soapenv:Body></soapenv:Envelope>"
    ).encode()
