"""The org as a record: the one row of Organization, which tells whose data this is."""

from __future__ import annotations

from connectors.salesforce.sandbox.schema import Field, Row, Schema
from connectors.salesforce.sandbox.view import View

FOUNDED = "2022-03-17T15:37:35.000+0000"


def organisation_view(record: str, pod: str) -> View:
    """The view that queries on Organization read.

    Args:
        record: the org's id.
        pod: three characters that name its place.
    """
    view = View(_SCHEMA)
    row: Row = {
        "Id": record,
        "IsDeleted": False,
        "Name": "Concord Sandbox",
        "OrganizationType": "Developer Edition",
        "InstanceName": f"CS{pod[0]}",
        "IsSandbox": True,
        "Country": "US",
        "DefaultLocaleSidKey": "en_US",
        "LanguageLocaleKey": "en_US",
        "TimeZoneSidKey": "America/Los_Angeles",
        "FiscalYearStartMonth": 1,
        "IsReadOnly": False,
        "CreatedDate": FOUNDED,
        "LastModifiedDate": FOUNDED,
        "SystemModstamp": FOUNDED,
    }
    view.show([row])
    return view


def _text(name: str, length: int, label: str, kind: str = "string") -> Field:
    return Field(name=name, type=kind, label=label, length=length)


_SCHEMA = Schema(
    "Organization",
    "00D",
    (
        Field(name="Id", type="id", label="Organization ID", length=18, nillable=False),
        _text("Name", 80, "Name"),
        _text("OrganizationType", 40, "Edition", "picklist"),
        _text("InstanceName", 5, "Instance Name"),
        Field(name="IsSandbox", type="boolean", label="Is Sandbox", aggregatable=False),
        _text("NamespacePrefix", 15, "Namespace Prefix"),
        _text("Country", 80, "Country"),
        _text("DefaultLocaleSidKey", 40, "Locale", "picklist"),
        _text("LanguageLocaleKey", 40, "Language", "picklist"),
        _text("TimeZoneSidKey", 40, "Time Zone", "picklist"),
        Field(name="FiscalYearStartMonth", type="int", label="Fiscal Year Starts In", digits=2),
        Field(name="IsReadOnly", type="boolean", label="Is Read Only", aggregatable=False),
        Field(name="CreatedDate", type="datetime", label="Created Date", groupable=False),
        Field(name="LastModifiedDate", type="datetime", label="Last Modified Date", groupable=False),
        Field(name="SystemModstamp", type="datetime", label="System Modstamp", groupable=False),
    ),
)
