"""Moments: whatever comes in becomes one that every reader can show, or one clear refusal."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from schemas.moment import (
    FIRST,
    FOREVER,
    LAST,
    Moment,
    expiry,
    from_datetime,
    from_seconds,
    read,
    read_vendor,
    rounded_up,
    shifted,
    to_datetime,
)

HOUR, DAY = 3_600_000, 86_400_000
RECORD = TypeAdapter(Moment)
ZONES = st.integers(-24 * 60 + 1, 24 * 60 - 1).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.integers(FIRST, LAST)
EXTREMES = st.sampled_from(
    [
        *("0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "1969-12-31T23:59:59.999Z", "1970-01-01T00:00:00Z"),
        *("9999-12-31T23:59:59Z", "9999-12-31T23:59:59.9999999Z", "9999-12-31T23:59:59-14:00", "9999-12-31T00:00:00Z"),
        *(
            "2026-06-30T23:59:60Z",
            "2026-06-30T23:59:60.5+02:00",
            "2026-01-31T12:00:00",
            "2026-01-31",
            "10000-01-01",
            "",
        ),
        *("-1", "1e9", "NaN", "inf", "9" * 5_000, "1.5", "0", "253402300799999", "253402300800000", "\x00", "٢٠٢٦"),
    ]
)
ANYTHING = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | EXTREMES | st.lists(st.none())


@pytest.mark.parametrize(
    ("said", "millis"),
    [
        ("2026-01-31T12:00:00Z", 1_769_860_800_000),
        ("2026-01-31 12:00:00.1239+00:00", 1_769_860_800_123),
        ("2026-01-31t14:00:00+02:00", 1_769_860_800_000),
        ("1970-01-01T00:00:00Z", 0),
        ("1969-12-31T23:59:59Z", 0),
        ("1601-01-01T00:00:00Z", 0),
        ("0001-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("9999-12-31T23:59:59Z", LAST - 999),
        ("9999-12-31T23:59:59.9999999Z", LAST),
        ("9999-12-31T23:59:59-14:00", LAST),
        ("2016-12-31T23:59:60Z", 1_483_228_799_000),
        (1_769_860_800, 1_769_860_800_000),
        ("1769860800", 1_769_860_800_000),
        (1_769_860_800_123, 1_769_860_800_123),
        (1_769_860_800.5, 1_769_860_800_500),
        (0, 0),
        (-1, 0),
        (LAST, LAST),
        (None, None),
    ],
)
def test_what_people_and_systems_write(said: object, millis: int | None) -> None:
    assert read(said) == millis


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("2026-01-31T12:00:00", "no zone"),
        ("2026-01-31", "no zone"),
        ("10000-01-01T00:00:00Z", "year 1 to year 9999"),
        ("2026-02-30T00:00:00Z", "year 1 to year 9999"),
        ("", "not a time"),
        ("soon", "not a time"),
        (True, "not a time"),
        (float("nan"), "not a time"),
        (float("inf"), "not a time"),
        (float("-inf"), "not a time"),
        ([], "not a time"),
        (LAST + 1, "Unix time"),
        (10**18, "Unix time"),
        (10**400, "Unix time"),
        (-(10**400), "Unix time"),
        ("9" * 30, "Unix time"),
    ],
)
def test_what_is_no_time_is_refused_with_how_to_write_one(said: object, why: str) -> None:
    with pytest.raises(ValueError, match=why) as caught:
        read(said)
    assert "2026-01-31T12:00:00Z" in str(caught.value)


@given(ANYTHING)
@example(10**400)
def test_anything_becomes_a_moment_or_none_or_a_refusal(said: object) -> None:
    try:
        found = read(said)
    except ValueError:
        found = None
    for moment in (found, read_vendor(said), from_seconds(said)):
        assert moment is None or (FIRST <= moment <= LAST and to_datetime(moment).year <= 9999)


@given(st.datetimes(timezones=ZONES))
@example(datetime.min.replace(tzinfo=timezone(timedelta(hours=14))))
@example(datetime.max.replace(tzinfo=timezone(timedelta(hours=-14))))
def test_every_date_in_every_zone_can_be_read_and_shown(when: datetime) -> None:
    for found in (from_datetime(when), read(when.isoformat()), read_vendor(when.isoformat())):
        assert found is None or FIRST <= found <= LAST
    if FIRST <= (found := from_datetime(when)) < LAST and found > 0:
        assert timedelta(0) <= when - to_datetime(found) < timedelta(milliseconds=1)


@given(MOMENTS, st.integers(), st.sampled_from([HOUR, DAY]))
def test_arithmetic_stays_within_the_bounds(moment: int, millis: int, step: int) -> None:
    assert FIRST <= shifted(moment, millis) <= LAST
    assert moment <= rounded_up(moment, step) <= LAST
    if (ends := expiry(moment)) is not None:
        assert rounded_up(ends, step) <= FOREVER, "an expiry that is not never is a date at the vendor as well"


def test_an_expiry_on_the_last_day_means_never() -> None:
    assert expiry(FOREVER) is None
    assert expiry(LAST) is None
    assert expiry(FOREVER - 1) == FOREVER - 1
    assert expiry(None) is None
    assert to_datetime(FOREVER) == datetime(9999, 12, 31, tzinfo=UTC)
    assert to_datetime(LAST).isoformat(timespec="milliseconds") == "9999-12-31T23:59:59.999+00:00"


@given(st.integers(min_value=0))
@example(LAST + 1)
@example(10**100)
def test_what_an_older_release_stored_is_read_as_a_moment(millis: int) -> None:
    assert RECORD.validate_json(str(millis)) == RECORD.validate_python(millis) == min(millis, LAST)


@pytest.mark.parametrize("said", ["-1", "true", "1.5", "NaN", "null", '"1"', "[]"])
def test_a_record_holds_whole_milliseconds_only(said: str) -> None:
    with pytest.raises(ValidationError, match="whole number of milliseconds"):
        RECORD.validate_json(said)


@pytest.mark.parametrize(
    ("said", "millis"),
    [
        ("2026-01-31T12:00:00.1234567Z", 1_769_860_800_123),
        ("2026-01-31T12:00:00", 1_769_860_800_000),
        ("0001-01-01T00:00:00Z", None),
        ("1970-01-01T00:00:00Z", None),
        ("9999-12-31T23:59:59.9999999Z", LAST),
        ("9999-12-31T23:59:59-05:00", LAST),
        ("soon", None),
        (5, None),
        (None, None),
    ],
)
def test_a_vendors_field_says_a_moment_or_nothing(said: object, millis: int | None) -> None:
    assert read_vendor(said) == millis


@pytest.mark.parametrize(
    ("said", "millis"),
    [
        (1_769_860_800, 1_769_860_800_000),
        ("1769860800", 1_769_860_800_000),
        (1_769_860_800.9, 1_769_860_800_000),
        (10**300, LAST),
        (0, None),
        (-5, None),
        (float("nan"), None),
        (float("inf"), None),
        (True, None),
        ("", None),
        ("null", None),
    ],
)
def test_a_vendors_unix_time(said: object, millis: int | None) -> None:
    assert from_seconds(said) == millis
