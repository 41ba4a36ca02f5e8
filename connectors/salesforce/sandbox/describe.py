"""What an object's describe says, in the shape and with all the keys of a real org's.

Source: describes of Account recorded from a real org by CumulusCI.
"""

from __future__ import annotations

from typing import Any

from connectors.salesforce.sandbox.schema import ID_TYPES, Field, Schema

_SOAP = {
    "id": "tns:ID",
    "reference": "tns:ID",
    "boolean": "xsd:boolean",
    "double": "xsd:double",
    "currency": "xsd:double",
    "percent": "xsd:double",
    "int": "xsd:int",
    "date": "xsd:date",
    "datetime": "xsd:dateTime",
    "address": "urn:address",
}
_NOTHING = (
    *("calculatedFormula", "controllerName", "defaultValueFormula", "filteredLookupInfo"),
    *("inlineHelpText", "mask", "maskType", "referenceTargetField", "relationshipOrder"),
)
_NEVER = (
    *("aiPredictionField", "autoNumber", "calculated", "cascadeDelete", "dependentPicklist"),
    *("deprecatedAndHidden", "displayLocationInDecimal", "encrypted", "formulaTreatNullNumberAsZero"),
    *("highScaleNumber", "htmlFormatted", "namePointing", "polymorphicForeignKey", "restrictedDelete"),
    "writeRequiresMasterRead",
)
_YES = (
    *("createable", "deletable", "feedEnabled", "layoutable", "mergeable", "mruEnabled", "queryable"),
    *("replicateable", "retrieveable", "searchable", "triggerable", "undeletable", "updateable"),
)
_NO = (
    *("activateable", "custom", "customSetting", "deepCloneable", "deprecatedAndHidden", "hasSubtypes"),
    *("isInterface", "isSubtype"),
)


def describe_field(field: Field) -> dict[str, Any]:
    """One entry of `fields`."""
    return {
        **dict.fromkeys(_NOTHING),
        **dict.fromkeys(_NEVER, False),
        "aggregatable": field.aggregatable,
        "byteLength": field.length if field.type in ID_TYPES else field.length * 3,
        "caseSensitive": field.case_sensitive,
        "compoundFieldName": "Name" if field.name == "Name" else field.compound,
        "createable": field.createable,
        "custom": field.custom,
        "defaultValue": False if field.type == "boolean" else None,
        "defaultedOnCreate": field.defaulted,
        "digits": field.digits,
        "externalId": field.external_id,
        "extraTypeInfo": field.extra,
        "filterable": field.filterable,
        "groupable": field.groupable,
        "idLookup": field.type == "id" or field.external_id or field.type == "email",
        "label": field.label,
        "length": field.length,
        "name": field.name,
        "nameField": field.name == "Name",
        "nillable": field.nillable,
        "permissionable": field.nillable and (field.createable or field.type == "address"),
        "picklistValues": [
            {"active": True, "defaultValue": False, "label": value, "validFor": None, "value": value}
            for value in field.options
        ],
        "precision": field.precision,
        "queryByDistance": field.type == "address",
        "referenceTo": list(field.reference_to),
        "relationshipName": field.relationship,
        "restrictedPicklist": field.restricted,
        "scale": field.scale,
        "searchPrefilterable": field.type == "reference" and field.createable and field.nillable,
        "soapType": _SOAP.get(field.type, "xsd:string"),
        "sortable": field.sortable,
        "type": field.type,
        "unique": field.unique,
        "updateable": field.updateable,
    }


def describe(schema: Schema, base: str, instance: str) -> dict[str, Any]:
    """The describe of an object.

    Args:
        schema: its fields.
        base: path of the API version, `/services/data/v61.0`.
        instance: url of the org.
    """
    own = f"{base}/sobjects/{schema.name}"
    links = {
        **_links(schema, base),
        "defaultValues": f"{own}/defaultValues?recordTypeId&fields",
        "uiDetailTemplate": f"{instance}/{{ID}}",
        "uiEditTemplate": f"{instance}/{{ID}}/e",
        "uiNewRecord": f"{instance}/{schema.prefix}/e",
    }
    master = {
        "active": True,
        "available": True,
        "defaultRecordTypeMapping": True,
        "developerName": "Master",
        "master": True,
        "name": "Master",
        "recordTypeId": "012000000000000AAA",
        "urls": {"layout": f"{own}/describe/layouts/012000000000000AAA"},
    }
    scopes = (("everything", "All accounts"), ("mine", "My accounts"), ("team", "My team's accounts"))
    return {
        **_summary(schema),
        "actionOverrides": [],
        "childRelationships": [
            {
                "cascadeDelete": False,
                "childSObject": schema.name,
                "deprecatedAndHidden": False,
                "field": "ParentId",
                "junctionIdListNames": [],
                "junctionReferenceTo": [],
                "relationshipName": "ChildAccounts",
                "restrictedDelete": False,
            }
        ],
        "compactLayoutable": True,
        "defaultImplementation": None,
        "extendedBy": None,
        "extendsInterfaces": None,
        "fields": [describe_field(field) for field in schema.fields],
        "implementedBy": None,
        "implementsInterfaces": None,
        "listviewable": None,
        "lookupLayoutable": None,
        "namedLayoutInfos": [],
        "networkScopeFieldName": None,
        "recordTypeInfos": [master],
        "searchLayoutable": True,
        "supportedScopes": [{"label": label, "name": name} for name, label in scopes],
        "urls": links,
    }


def describe_global(schema: Schema, base: str) -> dict[str, Any]:
    """The list of objects: the one that the sandbox has."""
    entry = {
        **_summary(schema),
        "associateEntityType": None,
        "associateParentEntity": None,
        "urls": _links(schema, base),
    }
    return {"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": [entry]}


def describe_basic(schema: Schema, base: str) -> dict[str, Any]:
    """The answer to GET on the object itself."""
    entry = {
        **_summary(schema),
        "associateEntityType": None,
        "associateParentEntity": None,
        "urls": _links(schema, base),
    }
    return {"objectDescribe": entry, "recentItems": []}


def _summary(schema: Schema) -> dict[str, Any]:
    return {
        **dict.fromkeys(_YES, True),
        **dict.fromkeys(_NO, False),
        "keyPrefix": schema.prefix,
        "label": schema.name,
        "labelPlural": f"{schema.name}s",
        "name": schema.name,
    }


def _links(schema: Schema, base: str) -> dict[str, str]:
    own = f"{base}/sobjects/{schema.name}"
    parts = ("compactLayouts", "approvalLayouts", "layouts")
    return {
        "sobject": own,
        "describe": f"{own}/describe",
        "rowTemplate": f"{own}/{{ID}}",
        "listviews": f"{own}/listviews",
        "quickActions": f"{own}/quickActions",
        **{part: f"{own}/describe/{part}" for part in parts},
    }
