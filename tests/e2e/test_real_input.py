"""Real companies, ten years apart: SEC registrants of 2010 as billing customers, of 2021 in the CRM."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from tests.e2e.conftest import Shell, salesforce_records

LOCAL, CRM = "sec_edgar_companies_2010h2.csv", "sec_edgar_companies_2021q1.csv"


def rows(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / "customers" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def customer(row: dict[str, str]) -> dict[str, Any]:
    address = {
        "line1": row["bas1"],
        "line2": row["bas2"],
        "city": row["cityba"],
        "state": row["stprba"],
        "zipCode": row["zipba"],
        "country": row["countryba"],
    }
    return {
        "external_id": row["cik"],
        "customer_name": row["name"],
        "phone_number": row["baph"] or None,
        "address": {part: value for part, value in address.items() if value},
    }


def account(row: dict[str, str]) -> dict[str, Any]:
    return {
        "External_ID__c": row["cik"],
        "Name": row["name"],
        "Phone": row["baph"] or None,
        "BillingStreet": "\n".join(line for line in (row["bas1"], row["bas2"]) if line) or None,
        "BillingCity": row["cityba"] or None,
        "BillingState": row["stprba"] or None,
        "BillingPostalCode": row["zipba"] or None,
        "BillingCountry": row["countryba"] or None,
    }


def test_ten_years_of_sec_registrants(shell: Shell, shared: Path, tmp_path: Path) -> None:
    file = tmp_path / "customers.jsonl"
    file.write_text("\n".join(json.dumps(customer(row)) for row in rows(shared, LOCAL)), encoding="utf-8")
    with shell.sandbox("salesforce", "--empty") as ready:
        salesforce_records(ready, [account(row) for row in rows(shared, CRM)])
        shell.connect("salesforce", ready)
        assert shell.json("customers", "load", str(file))["created"] == 1471

        first = shell.json("sync", "crm", "--yes")
        assert {key: first[key] for key in ("pulled", "matched", "created_local", "created_remote")} == {
            "pulled": 5762,
            "matched": 956,
            "created_local": 4806,
            "created_remote": 515,
        }
        # 458 of the 956 addresses differ after lower-casing; spelling accounts for some of them.
        assert 300 <= first["held"]["address_mismatch"] <= 458
        held = shell.json("conflicts", "list", "--kind", "address_mismatch", "--limit", "1000")["conflicts"]
        assert len(held) == first["held"]["address_mismatch"]
        assert all(any(reason.get("why") for reason in row["reasons"]) for row in held)

        looking = {"query"}  # under the token that the first sync left
        second = shell.json("sync", "crm")
        assert second["writes"] == 0
        assert second["held"] == {}
        assert set(second["calls"]) == looking
        assert second["open"] == first["open"]

        decided = shell.json("conflicts", "resolve", "--all", "--kind", "address_mismatch", "--take", "ours")
        assert decided["counts"] == {"resolved": len(held)}
        third = shell.json("sync", "crm")
        assert third["updated_remote"] == len(held)
        fourth = shell.json("sync", "crm")
        assert fourth["writes"] == 0
        assert set(fourth["calls"]) == looking
        assert "address_mismatch" not in fourth["open"]
