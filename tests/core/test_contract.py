from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.core.contract import (
    MOVES,
    Phase,
    Status,
    Terms,
    change_problems,
    current_phase,
    first_problem,
    move_problem,
    problems,
    read_time,
    status_at,
)

CASES = json.loads((Path(__file__).parent / "cases" / "contract.json").read_text(encoding="utf-8"))


def moment(text: str | None) -> datetime | None:
    return None if text is None else read_time(text)


def phases(*times: tuple[str, str | None]) -> list[Phase]:
    return [Phase(start_date=read_time(start), end_date=moment(end)) for start, end in times]


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["case"]))
def test_each_wrong_field_is_named_with_its_reason(case: dict[str, Any]) -> None:
    terms = Terms(
        currency=case.get("currency", "EUR"),
        start_date=read_time(case.get("start", "2026-01-01")),
        end_date=moment(case.get("end")),
        phases=phases(*case.get("phases", [["2026-01-01", None]])),
        renewal_policy=case.get("renewal", "do_not_renew"),
        contract_link=case.get("link"),
    )
    found = problems(terms)
    assert found.keys() == case["wrong"].keys()
    for field, reason in case["wrong"].items():
        assert reason in found[field]


@given(st.lists(st.tuples(st.integers(0, 12), st.none() | st.integers(1, 13)), min_size=1, max_size=5))
def test_phases_that_stand_never_run_at_once(times: list[tuple[int, int | None]]) -> None:
    def day(number: int) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=number)

    made = [Phase(start_date=day(a), end_date=None if b is None else day(b)) for a, b in times]
    wrong = problems(Terms(currency="EUR", start_date=day(0), phases=made))
    starts = sorted(start for start, _ in times)
    running = [
        {
            number
            for number, (start, end) in enumerate(times)
            if start <= at < (end if end is not None else min([s for s in starts if s > start], default=99))
        }
        for at in range(14)
    ]
    alone = all(len(each) <= 1 for each in running)
    lengths = all(end is None or end > start for start, end in times)
    assert (wrong == {}) == (alone and lengths)
    if not wrong:
        shown = [current_phase(made, None, day(at)) for at in range(14)]
        assert shown == [next(iter(each), None) for each in running]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-01", "2026-03-01T00:00:00+00:00"),
        ("2026-03-01T10:30", "2026-03-01T10:30:00+00:00"),
        ("2026-03-01 10:30:15", "2026-03-01T10:30:15+00:00"),
        ("2026-03-01T10:30:15.25Z", "2026-03-01T10:30:15.250000+00:00"),
        ("2026-03-01t00:30:00z", "2026-03-01T00:30:00+00:00"),
        ("2026-03-01T00:30:00+02:00", "2026-02-28T22:30:00+00:00"),
        ("2024-02-29T23:00:00-0130", "2024-03-01T00:30:00+00:00"),
        ("9999-12-31", "9999-12-31T00:00:00+00:00"),
        ("1900-01-01", "1900-01-01T00:00:00+00:00"),
    ],
)
def test_a_moment_is_read_in_utc(text: str, expected: str) -> None:
    assert read_time(text).isoformat() == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "ISO 8601"),
        ("tomorrow", "ISO 8601"),
        ("1767225600", "ISO 8601"),
        ("01/02/2026", "ISO 8601"),
        ("2026-W01-1", "ISO 8601"),
        ("٢٠٢٦-٠١-٠١", "ISO 8601"),
        ("2026-01-01\n", "ISO 8601"),
        ("2026-02-29", "no day or time of the calendar"),
        ("2026-01-01T24:30", "no day or time of the calendar"),
        ("2026-01-01T10:00+99:00", "no day or time of the calendar"),
        ("0000-01-01", "no day or time of the calendar"),
        ("0001-01-01T00:00:00+14:00", "between 1900-01-01 and 9999-12-31"),
        ("1899-12-31T23:59:59Z", "between 1900-01-01 and 9999-12-31"),
        ("9999-12-31T23:59:59-12:00", "between 1900-01-01 and 9999-12-31"),
    ],
)
def test_what_is_no_moment_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as refused:
        read_time(text)
    assert not text or text not in str(refused.value)


@given(st.datetimes(timezones=st.integers(-1439, 1439).map(lambda n: timezone(timedelta(minutes=n)))))
def test_any_time_is_read_exactly_or_refused(value: datetime) -> None:
    try:
        assert read_time(value.isoformat()) == value
    except ValueError as error:
        assert "between 1900-01-01 and 9999-12-31" in str(error)
        assert not 1900 < value.year < 9998


def test_a_contract_begins_active_or_as_a_draft() -> None:
    assert {each for each in Status if first_problem(each) is None} == {"active", "draft"}
    assert first_problem("signed") == "must be active or draft when a contract is made"


MOVED = {("draft", "active"), ("active", "paused"), ("active", "disputed")}
MOVED |= {("paused", "active"), ("disputed", "active")}


@pytest.mark.parametrize("before", Status)
@pytest.mark.parametrize("after", Status)
def test_a_person_moves_a_contract_along_the_table_alone(before: Status, after: Status) -> None:
    assert (move_problem(before, after) is None) == (before == after or (before, after) in MOVED)
    assert set(MOVES) == set(Status)


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        (Status.ACTIVE, "signed", "must be one of draft, active, paused, disputed, expired"),
        (Status.ACTIVE, "expired", "by itself when end_date is reached"),
        (Status.ACTIVE, "draft", "active can become paused or disputed"),
        (Status.EXPIRED, "active", "expired can become nothing else"),
    ],
)
def test_a_move_that_cannot_be_is_told_why(before: Status, after: str, reason: str) -> None:
    assert reason in str(move_problem(before, after))


@pytest.mark.parametrize(
    ("status", "wrong"),
    [
        (Status.DRAFT, set()),
        (Status.ACTIVE, {"currency"}),
        (Status.PAUSED, {"currency"}),
        (Status.DISPUTED, {"currency"}),
        (Status.EXPIRED, {"currency", "start_date", "end_date", "phases"}),
    ],
)
def test_what_was_agreed_upon_stays(status: Status, wrong: set[str]) -> None:
    asked = ["name", "currency", "start_date", "end_date", "phases", "tags"]
    assert change_problems(status, asked).keys() == wrong
    assert change_problems(status, ["name", "tags"]) == {}


@pytest.mark.parametrize("status", Status)
def test_every_contract_expires_at_its_end_and_not_before(status: Status) -> None:
    end = read_time("2026-06-01")
    assert status_at(status, end, end) == "expired"
    assert status_at(status, end, end - timedelta(microseconds=1)) == status
    assert status_at(status, None, end) == status


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2025-12-31T23:59:59", None),
        ("2026-01-01", 1),
        ("2026-01-31T23:59:59", 1),
        ("2026-02-01", None),
        ("2026-03-01", 0),
        ("2026-03-31T23:59:59", 0),
        ("2026-04-01", 2),
        ("2026-05-31T23:59:59", 2),
        ("2026-06-01", None),
    ],
)
def test_the_current_phase_is_the_one_that_runs_now(at: str, expected: int | None) -> None:
    made = phases(("2026-03-01", None), ("2026-01-01", "2026-02-01"), ("2026-04-01", None))
    assert current_phase(made, read_time("2026-06-01"), read_time(at)) == expected
