"""The fields of Account: the standard ones as a real org describes them.

Source: describe of Account as recorded from a real org by CumulusCI (names, types, lengths, flags),
with plain-text states and countries, and two custom fields as a sync's set-up makes them.
"""

from __future__ import annotations

from connectors.salesforce.sandbox.schema import Field, Schema

EXTERNAL_ID = "External_ID__c"
BILLING_EMAIL = "Billing_Email__c"
ADDRESS_PARTS = (
    "Street",
    "City",
    "State",
    "PostalCode",
    "Country",
    "Latitude",
    "Longitude",
    "GeocodeAccuracy",
)

_TYPES = (
    "Prospect",
    "Customer - Direct",
    "Customer - Channel",
    "Channel Partner / Reseller",
    "Installation Partner",
    "Technology Partner",
    "Other",
)
_INDUSTRIES = (
    *("Agriculture", "Apparel", "Banking", "Biotechnology", "Chemicals", "Communications", "Construction"),
    *("Consulting", "Education", "Electronics", "Energy", "Engineering", "Entertainment", "Environmental"),
    *("Finance", "Food & Beverage", "Government", "Healthcare", "Hospitality", "Insurance", "Machinery"),
    *("Manufacturing", "Media", "Not For Profit", "Recreation", "Retail", "Shipping", "Technology"),
    *("Telecommunications", "Transportation", "Utilities", "Other"),
)
_ACCURACIES = (
    *("Address", "NearAddress", "Block", "Street", "ExtendedZip", "Zip", "Neighborhood", "City", "County"),
    *("State", "Unknown"),
)


def account(*, external_id: Field | None = None, extra: tuple[Field, ...] = ()) -> Schema:
    """The Account object.

    Args:
        external_id: the field that holds the external id; None leaves it out.
        extra: further custom fields.
    """
    custom = () if external_id is None else (external_id,)
    email = Field(name=BILLING_EMAIL, type="email", label="Billing Email", length=80, custom=True)
    return Schema("Account", "001", (*_STANDARD, *custom, email, *extra))


def external_id_field(
    *, unique: bool = True, case_sensitive: bool = True, writable: bool = True, length: int = 255
) -> Field:
    """The custom text field of the external id."""
    return Field(
        name=EXTERNAL_ID,
        label="External ID",
        length=length,
        createable=writable,
        updateable=writable,
        unique=unique,
        case_sensitive=unique and case_sensitive,
        external_id=True,
        custom=True,
    )


def _text(name: str, length: int, label: str, kind: str = "string") -> Field:
    return Field(name=name, type=kind, label=label, length=length)


def _picklist(name: str, label: str, options: tuple[str, ...]) -> Field:
    return Field(name=name, type="picklist", label=label, length=40, options=options)


def _reference(name: str, label: str, to: str, *, writable: bool, nillable: bool) -> Field:
    return Field(
        name=name,
        type="reference",
        label=label,
        length=18,
        createable=writable,
        updateable=writable,
        nillable=nillable,
        defaulted=not nillable,
        reference_to=(to,),
        relationship=name.removesuffix("Id"),
    )


def _system(name: str, label: str, kind: str, *, nillable: bool = False) -> Field:
    return Field(
        name=name,
        type=kind,
        label=label,
        createable=False,
        updateable=False,
        nillable=nillable,
        defaulted=not nillable,
        groupable=kind != "datetime",
        aggregatable=kind != "boolean",
    )


def _address(kind: str) -> tuple[Field, ...]:
    whole = f"{kind}Address"

    def part(name: str, label: str, length: int, form: str = "string") -> Field:
        extra = "plaintextarea" if form == "textarea" else None
        return Field(
            name=kind + name, type=form, label=f"{kind} {label}", length=length, compound=whole, extra=extra
        )

    def place(name: str) -> Field:
        return Field(
            name=kind + name,
            type="double",
            label=f"{kind} {name}",
            precision=18,
            scale=15,
            groupable=False,
            compound=whole,
        )

    accuracy = Field(
        name=f"{kind}GeocodeAccuracy",
        type="picklist",
        label=f"{kind} Geocode Accuracy",
        length=40,
        compound=whole,
        options=_ACCURACIES,
        restricted=True,
    )
    address = Field(
        name=whole,
        type="address",
        label=f"{kind} Address",
        createable=False,
        updateable=False,
        sortable=False,
        groupable=False,
        aggregatable=False,
    )
    return (
        part("Street", "Street", 255, "textarea"),
        part("City", "City", 40),
        part("State", "State/Province", 80),
        part("PostalCode", "Zip/Postal Code", 20),
        part("Country", "Country", 80),
        place("Latitude"),
        place("Longitude"),
        accuracy,
        address,
    )


_ID = Field(
    name="Id",
    type="id",
    label="Account ID",
    length=18,
    nillable=False,
    createable=False,
    updateable=False,
    defaulted=True,
)

_STANDARD = (
    _ID,
    _system("IsDeleted", "Deleted", "boolean"),
    _reference("MasterRecordId", "Master Record ID", "Account", writable=False, nillable=True),
    Field(name="Name", label="Account Name", length=255, nillable=False, extra="switchablepersonname"),
    _picklist("Type", "Account Type", _TYPES),
    _reference("ParentId", "Parent Account ID", "Account", writable=True, nillable=True),
    *_address("Billing"),
    *_address("Shipping"),
    _text("Phone", 40, "Account Phone", "phone"),
    _text("Fax", 40, "Account Fax", "phone"),
    _text("AccountNumber", 40, "Account Number"),
    _text("Website", 255, "Website", "url"),
    _text("Sic", 20, "SIC Code"),
    _picklist("Industry", "Industry", _INDUSTRIES),
    Field(name="AnnualRevenue", type="currency", label="Annual Revenue", precision=18, groupable=False),
    Field(name="NumberOfEmployees", type="int", label="Employees", digits=8),
    _picklist("Ownership", "Ownership", ("Public", "Private", "Subsidiary", "Other")),
    _text("TickerSymbol", 20, "Ticker Symbol"),
    Field(
        name="Description",
        type="textarea",
        label="Account Description",
        length=32000,
        filterable=False,
        sortable=False,
        groupable=False,
        aggregatable=False,
        extra="plaintextarea",
    ),
    _picklist("Rating", "Account Rating", ("Hot", "Warm", "Cold")),
    _text("Site", 80, "Account Site"),
    _reference("OwnerId", "Owner ID", "User", writable=True, nillable=False),
    _system("CreatedDate", "Created Date", "datetime"),
    _reference("CreatedById", "Created By ID", "User", writable=False, nillable=False),
    _system("LastModifiedDate", "Last Modified Date", "datetime"),
    _reference("LastModifiedById", "Last Modified By ID", "User", writable=False, nillable=False),
    _system("SystemModstamp", "System Modstamp", "datetime"),
    _system("LastActivityDate", "Last Activity", "date", nillable=True),
    _system("LastViewedDate", "Last Viewed Date", "datetime", nillable=True),
    _system("LastReferencedDate", "Last Referenced Date", "datetime", nillable=True),
    _picklist(
        "AccountSource",
        "Account Source",
        ("Web", "Phone Inquiry", "Partner Referral", "Purchased List", "Other"),
    ),
    _text("SicDesc", 80, "SIC Description"),
)
