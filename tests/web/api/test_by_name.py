"""Customers by their name, over HTTP: by the index in any order, and page by page to the end."""

from __future__ import annotations

import pytest

from sync.store import searching, texts
from tests.desk.test_queue import hearing
from tests.web.api.conftest import Api


def test_a_name_far_down_is_reached_by_cursors(api_postgresql: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    api = api_postgresql
    for number in range(12):
        api.post("/customers", {"customer_name": f"{'Acme' if number < 5 else 'Bolt'} {number}"})
    monkeypatch.setattr(texts, "NEAR", 2)
    monkeypatch.setattr(texts, "FAR", 3)
    monkeypatch.setattr(searching, "MOST", 4)
    for order in ("-created_at", "-updated_at"):
        asked = {"customer_name__ilike": "%acme%", "order": order, "limit": "2"}
        pages = [api.get("/customers", **asked)]
        while cursor := pages[-1]["next_cursor"]:
            pages.append(api.get("/customers", **asked, cursor=cursor))
        assert [each["customer_name"] for page in pages for each in page["data"]] == [
            f"Acme {number}" for number in range(4, -1, -1)
        ]
        assert not pages[0]["data"], "none of the latest, and more behind them"


def test_a_name_is_looked_up_by_the_owner_of_the_tables(
    api_postgresql: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = api_postgresql
    monkeypatch.setattr(texts, "NEAR", 1)
    for name in ("Acme", "Bolt"):
        api.post("/customers", {"customer_name": name})
    with hearing(api.database) as heard:
        assert len(api.get("/customers", customer_name__ilike="%acm%")["data"]) == 1
    sent = [each[0] for each in heard.sent]
    (looked_up,) = (place for place, each in enumerate(sent) if "concord_ngrams" in each)
    # Behind the walls PostgreSQL would take no index for it.
    assert "set_config('role', 'none'" in sent[looked_up - 1]
    assert "set_config('role', %(role)s" in sent[looked_up + 1]
    with hearing(api.database) as heard:
        for conditions in ({"created_at__gte": "2100-01-01T00:00:00Z"}, {"external_id": "none"}):
            assert api.get("/customers", customer_name__ilike="%acm%", **conditions)["data"] == []
    assert not any("concord_ngrams" in each[0] for each in heard.sent), "no row is left to be looked at"
