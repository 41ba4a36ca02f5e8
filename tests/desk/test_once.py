"""A form that is sent again has its effect once."""

from __future__ import annotations

import re

from sync import customers, wallets
from sync.intake import parse_customer
from tests.desk.test_forms import Client, served
from tests.web.conftest import Served

__all__ = ["served"]


def inputs(text: str) -> dict[str, str]:
    """The hidden fields of the first form of a page's content."""
    content = text[text.index("<main") :]
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', content.split("</form>")[0]))


def test_credit_is_added_once_however_often_its_form_is_sent(served: Served) -> None:
    database, mine = served.database, served.organisation_id
    customer_id = customers.add(database, mine, parse_customer({"customer_name": "Acme"}), actor="test")
    made = wallets.WalletInput(customer_id=customer_id, currency="EUR")
    wallet_id = wallets.create(database, mine, made, actor="test")["id"]

    def balance() -> int:
        with database.reading() as tx:
            return int(wallets.get(tx, mine, wallet_id)["balance"])

    client = Client(served)
    client.sign_in()
    place = f"/desk/customers/{customer_id}/wallets/{wallet_id}/adjust"
    form = {**inputs(client.send("GET", place).text), "amount": "50", "reason": "top-up", "way": "add"}
    assert client.send("POST", place, **{**form, "way": ""}).status_code == 422, "Enter says neither"
    assert client.send("POST", place, **{**form, "amount": "x"}).status_code == 422
    for _ in range(3):
        assert "said=added-to" in client.send("POST", place, **form).headers["Location"]
        assert balance() == 50
    other = client.send("POST", place, **{**form, "amount": "20"})
    assert (other.status_code, "entered an amount already" in other.text, balance()) == (422, True, 50)
    fresh = {**form, **inputs(other.text), "amount": "20"}
    assert client.send("POST", place, **fresh).status_code == 303
    assert balance() == 70
    late = client.send("POST", place, **{**fresh, "once": "f" * 32})
    assert (late.status_code, balance()) == (409, 70), "another form, opened before the wallet changed"
