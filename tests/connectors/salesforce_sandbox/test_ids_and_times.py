from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.salesforce.sandbox.clock import (
    Clock,
    http_date,
    parse_date,
    parse_http_date,
    parse_iso,
    seconds_of,
    stamp_of,
)
from connectors.salesforce.sandbox.ids import ALPHABET, IdMaker, canonical, long_id


# Ids recorded from real orgs.
@pytest.mark.parametrize(
    "real",
    [
        "0017e00001W4GYRAA3",
        "0037e00001WZ30qAAD",
        "0012300000bVTphAAG",
        "701E0000000JuFHIA0",
        "0057e00000RmwSWAAZ",
    ],
)
def test_checksums_are_those_of_real_ids(real: str) -> None:
    assert long_id(real[:15]) == real
    assert canonical(real) == real
    assert canonical(real[:15]) == real
    assert canonical(real.lower()) == real
    assert canonical(real.upper()) == real


@pytest.mark.parametrize(
    "wrong", ["", "foo", "0017e00001W4GY", "0017e00001W4GYRAA9", "0017e00001W4GYR-A3", 5, None]
)
def test_what_is_no_id_is_none(wrong: object) -> None:
    assert canonical(wrong) is None


@given(st.text(ALPHABET, min_size=15, max_size=15))
def test_the_long_form_survives_any_case(short: str) -> None:
    assert canonical(long_id(short).lower()) == long_id(short)
    assert canonical(long_id(short).upper()) == long_id(short)


def test_ids_grow_in_ascii_order_and_go_on_after_a_restart() -> None:
    maker = IdMaker("001", "5g0", 62**2 - 100)
    made = [maker.make() for _ in range(300)]
    assert made == sorted(made)
    assert len(set(made)) == 300
    assert all(len(each) == 18 and canonical(each) == each for each in made)
    again = IdMaker("001", "5g0", 0)
    again.after(made[-1])
    assert again.make() == maker.make()


@pytest.mark.parametrize(
    ("text", "stamp"),
    [
        ("2022-01-02T21:28:22Z", "2022-01-02T21:28:22.000+0000"),
        ("2022-01-02T21:28:22.999z", "2022-01-02T21:28:22.000+0000"),
        ("2022-01-02T21:28:22+00:00", "2022-01-02T21:28:22.000+0000"),
        ("2022-01-02T21:28:22.000+0000", "2022-01-02T21:28:22.000+0000"),
        ("2022-01-02T21:28:22-08:00", "2022-01-03T05:28:22.000+0000"),
        ("2022-01-02T21:28:22", None),
        ("2022-13-02T21:28:22Z", None),
        ("2024-01-01T00:00:00:00", None),
        ("0001-01-01T00:00:00+14:00", None),
    ],
)
def test_iso_times(text: str, stamp: str | None) -> None:
    assert parse_iso(text) == stamp


@pytest.mark.parametrize(
    ("text", "stamp"),
    [
        ("Fri, 14 Aug 2020 20:53:02 GMT", "2020-08-14T20:53:02.000+0000"),
        ("Fri, 32 Aug 2020 20:53:02 GMT", None),
        ("2020-08-14T20:53:02Z", None),
        ("Fri, 14 Aug 2020 20:53:02", None),
        ("", None),
    ],
)
def test_http_dates(text: str, stamp: str | None) -> None:
    assert parse_http_date(text) == stamp
    if stamp:
        assert http_date(stamp) == text


def test_days() -> None:
    assert parse_date("2024-02-29") == "2024-02-29"
    assert parse_date("2023-02-29") is None
    assert parse_date("20240229") is None


def test_the_clock_can_be_set_off_and_stopped() -> None:
    clock = Clock()
    clock.stopped = seconds_of("2024-01-01T00:00:00.000+0000")
    assert clock.stamp() == "2024-01-01T00:00:00.000+0000"
    clock.offset = 61.5
    assert clock.stamp() == "2024-01-01T00:01:01.000+0000"
    clock.stopped, clock.offset = None, 0.0
    assert clock.stamp() > "2024-01-01T00:01:01.000+0000"
    assert stamp_of(0) == "1970-01-01T00:00:00.000+0000"
