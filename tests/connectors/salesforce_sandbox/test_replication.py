from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.connectors.salesforce_sandbox.org import Org


@pytest.fixture
def day(org: Org) -> Org:
    """An org on the tenth of January 2024, at noon."""
    org.settings(freeze_clock="2024-01-10T12:00:00Z")
    return org


def at(minute: int) -> datetime:
    return datetime(2024, 1, 10, 12, minute, tzinfo=UTC)


def test_the_sdk_asks_for_changes_between_two_minutes(day: Org) -> None:
    early = day.create()
    day.settings(clock_offset=60)
    late, gone = day.create(), day.create()
    day.sdk().Account.delete(gone)
    day.settings(clock_offset=300)
    account = day.sdk().Account
    assert account.updated(at(0), at(1))["ids"] == [early]
    assert account.updated(at(1), at(2))["ids"] == [late]
    assert [row["id"] for row in account.deleted(at(0), at(5))["deletedRecords"]] == [gone]
    assert account.deleted(at(0), at(1))["deletedRecords"] == []
    assert account.deleted(at(0), at(5))["earliestDateAvailable"] == "2023-12-26T12:05:00.000+0000"


def test_seconds_are_dropped_and_the_end_is_not_past_now(day: Org) -> None:
    record = day.create()
    day.settings(clock_offset=30)
    window = "start=2024-01-10T11:59:59Z&end=2024-01-10T12:30:10%2B00:00"
    answer = day.http("GET", f"sobjects/Account/updated/?{window}").json()
    assert answer == {"ids": [record], "latestDateCovered": "2024-01-10T12:00:00.000+0000"}


def test_what_is_not_visible_yet_is_not_covered(day: Org) -> None:
    day.settings(visibility_delay=600)
    record = day.create()
    day.settings(clock_offset=300)
    answer = day.sdk().Account.updated(at(0), at(5))
    assert answer == {"ids": [], "latestDateCovered": "2024-01-10T12:00:00.000+0000"}
    day.settings(clock_offset=660)
    assert day.sdk().Account.updated(at(0), at(5))["ids"] == [record]


@pytest.mark.parametrize(
    "window",
    [
        "start=2024-01-10T12:00:00Z&end=2024-01-10T12:00:59Z",
        "start=2024-01-10T12:01:00Z&end=2024-01-10T12:00:00Z",
        "start=2024-01-01T00:00:00%3A00&end=2024-01-10T12:00:00Z",
        "start=2024-01-10T12:00:00Z",
        "start=2023-12-01T00:00:00Z&end=2024-01-10T12:00:00Z",
    ],
)
@pytest.mark.parametrize("resource", ["updated", "deleted"])
def test_a_window_that_makes_no_sense(day: Org, resource: str, window: str) -> None:
    answer = day.http("GET", f"sobjects/Account/{resource}/?{window}")
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "INVALID_REPLICATION_DATE")


def test_the_sdk_sends_a_malformed_time_for_a_naive_one(day: Org) -> None:
    naive = (datetime(2024, 1, 10, 11), datetime(2024, 1, 10, 12))  # noqa: DTZ001 - on purpose
    with pytest.raises(Exception, match="INVALID_REPLICATION_DATE"):
        day.sdk().Account.updated(*naive)
