"""When a schedule fires next, also on the days on which the clock jumps."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sync.core.timing import Quiet, Rhythm, day_of, read_cron, read_quiet, read_zone, spread_daily

BERLIN = ZoneInfo("Europe/Berlin")
JUMPS = (datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC))  # of Berlin's clock
ZONES = [*map(ZoneInfo, ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"))]
CRONS = ("0 6 * * 1-5", "*/7 * * * *", "30 2 * * *", "0 0 * * *", "15 1-3 * * *", "0 12 29 2 *")

walls = st.times().map(lambda each: each.replace(second=0, microsecond=0))
quiets = st.tuples(walls, walls).filter(lambda ends: ends[0] != ends[1]).map(lambda ends: Quiet(*ends))
_naive = (datetime(2025, 1, 1), datetime(2028, 12, 31))  # noqa: DTZ001 - the strategy makes them aware
moments = st.datetimes(*_naive, timezones=st.just(UTC)) | st.builds(
    lambda jump, seconds: jump + timedelta(seconds=seconds),
    st.sampled_from(JUMPS),
    st.integers(-90_000, 90_000),
)
rhythms = st.builds(
    Rhythm,
    every=st.integers(1, 200_000),
    cron=st.none() | st.sampled_from(CRONS),
    quiet=st.none() | quiets,
    zone=st.sampled_from(ZONES),
)


def rhythm(
    *, every: int = 60, cron: str | None = None, quiet: str | None = None, zone: ZoneInfo = BERLIN
) -> Rhythm:
    return Rhythm(every=every, cron=cron, quiet=read_quiet(quiet) if quiet else None, zone=zone)


def local(*parts: int, fold: int = 0) -> datetime:
    return datetime(*parts, tzinfo=BERLIN, fold=fold).astimezone(UTC)  # type: ignore[arg-type, misc]


@given(rhythms, moments)
@example(Rhythm(every=1, quiet=Quiet(time(3), time(2)), zone=BERLIN), JUMPS[0] - timedelta(hours=3))
def test_the_next_time_is_later_and_never_in_quiet_hours(each: Rhythm, at: datetime) -> None:
    following = each.after(at)
    assert following > at
    assert following.tzinfo is UTC
    if each.quiet is not None:
        assert not each.quiet.holds(following.astimezone(each.zone).time())


@given(rhythms, moments)
def test_quiet_hours_only_put_off_and_only_as_long_as_they_last(each: Rhythm, at: datetime) -> None:
    wanted = Rhythm(every=each.every, cron=each.cron, zone=each.zone).after(at)
    following = each.after(at)
    assert following >= wanted
    if following > wanted:
        assert each.quiet is not None
        for moment in (wanted, following - timedelta(minutes=1), wanted + (following - wanted) / 2):
            assert each.quiet.holds(max(moment, wanted).astimezone(each.zone).time())


@given(rhythms, moments)
def test_nothing_comes_between_a_time_and_the_next(each: Rhythm, at: datetime) -> None:
    wanted = Rhythm(every=each.every, cron=each.cron, zone=each.zone).after(at)
    if each.cron is not None:
        assert each.after(at + (wanted - at) / 2) == each.after(at)


@given(moments, st.sampled_from(ZONES))
def test_a_day_ends_after_every_time_in_it(at: datetime, zone: ZoneInfo) -> None:
    day, end = day_of(at, zone)
    assert at < end
    assert end - at <= timedelta(hours=25)
    assert day_of(end, zone)[0] == (datetime.fromisoformat(day) + timedelta(days=1)).date().isoformat()
    assert day_of(end - timedelta(seconds=1), zone) == (day, end)


def test_an_interval_is_counted_in_seconds_whatever_the_clock_does() -> None:
    for jump in JUMPS:
        at = jump - timedelta(minutes=30)
        assert rhythm(every=3_600).after(at) == at + timedelta(hours=1)


def test_cron_means_the_clock_on_the_wall() -> None:
    each = rhythm(cron="0 6 * * 1-5")
    assert each.after(local(2026, 3, 27, 6)) == local(2026, 3, 30, 6)
    assert each.after(local(2026, 10, 23, 7)) == local(2026, 10, 26, 6)
    assert (local(2026, 3, 30, 6).hour, local(2026, 10, 26, 6).hour) == (4, 5)


def test_an_hour_that_is_jumped_over_or_repeated_fires_once() -> None:
    each = rhythm(cron="30 2 * * *")
    spring = [local(2026, 3, 28, 12)]
    autumn = [local(2026, 10, 24, 12)]
    for times in (spring, autumn):
        for _ in range(2):
            times.append(each.after(times[-1]))
    assert spring[1:] == [local(2026, 3, 29, 3), local(2026, 3, 30, 2, 30)]
    assert autumn[1:] == [local(2026, 10, 25, 2, 30), local(2026, 10, 26, 2, 30)]


def test_slots_of_the_night_fire_once_at_the_end_of_the_quiet_hours() -> None:
    each = rhythm(cron="0 * * * *", quiet="22:00-06:00")
    times = [local(2026, 6, 1, 20, 30)]
    for _ in range(3):
        times.append(each.after(times[-1]))
    assert times[1:] == [local(2026, 6, 1, 21), local(2026, 6, 2, 6), local(2026, 6, 2, 7)]
    at_day = rhythm(every=600, quiet="09:00-17:30")
    assert at_day.after(local(2026, 6, 1, 8, 55)) == local(2026, 6, 1, 17, 30)
    assert at_day.loud(local(2026, 6, 1, 12, 0, 7)) == local(2026, 6, 1, 17, 30)
    assert at_day.loud(local(2026, 6, 1, 18, 0, 7)) == local(2026, 6, 1, 18, 0, 7)


@pytest.mark.parametrize(
    ("quiet", "at", "end"),
    [
        ("01:00-02:30", local(2026, 3, 29, 1, 30), local(2026, 3, 29, 3)),  # the end is jumped over
        ("02:15-02:45", local(2026, 3, 29, 3), local(2026, 3, 29, 3)),  # all of it is
        ("22:00-06:00", local(2026, 3, 28, 23), local(2026, 3, 29, 6)),
        ("22:00-06:00", local(2026, 10, 24, 23), local(2026, 10, 25, 6)),
        ("01:00-02:30", local(2026, 10, 25, 1, 30), local(2026, 10, 25, 2, 30)),
        ("01:00-02:30", local(2026, 10, 25, 2, 10, fold=1), local(2026, 10, 25, 2, 30, fold=1)),
        ("03:00-02:00", local(2026, 3, 28, 20), local(2026, 3, 30, 2)),  # the only loud hour does not come
    ],
)
def test_quiet_hours_on_days_when_the_clock_jumps(quiet: str, at: datetime, end: datetime) -> None:
    assert rhythm(quiet=quiet).loud(at) == end


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "five fields"),
        ("* * * * * *", "five fields"),
        ("@daily", "five fields"),
        ("0 25 * * *", "bad hour"),
        ("0 6 * * x", "bad day-of-week"),
        ("0 0 31 2 *", "day"),
    ],
)
def test_a_cron_line_that_is_none_says_why(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_cron(text)


def test_a_cron_line_is_kept_in_one_form() -> None:
    assert read_cron("  0  6 * *   1-5 ") == "0 6 * * 1-5"


@pytest.mark.parametrize(
    "text", ["", "22-6", "24:00-06:00", "22:00-06:60", "22:00", "9:00-10:00", "٢٢:00-06:00"]
)
def test_quiet_hours_of_another_form_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="HH:MM-HH:MM"):
        read_quiet(text)
    with pytest.raises(ValueError, match="same time"):
        read_quiet("06:00-06:00")


@pytest.mark.parametrize("text", ["", "Mars/Olympus", "/etc/passwd", "../UTC", "Europe", "\0", "x" * 300])
def test_a_time_zone_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no time zone"):
        read_zone(text)
    assert read_zone(" Europe/Berlin ") == BERLIN


@given(st.uuids().map(lambda each: each.hex))
def test_the_daily_time_is_a_cron_line_that_the_id_chooses(identity: str) -> None:
    assert read_cron(spread_daily(identity)) == spread_daily(identity)


def test_the_daily_times_of_many_are_spread() -> None:
    found = {spread_daily(f"{number * 2654435761 % 2**32:032x}") for number in range(300)}
    assert len(found) > 250
