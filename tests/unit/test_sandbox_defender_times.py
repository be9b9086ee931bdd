"""The vendor's timestamps: every tick survives a round trip, and order is kept."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sandbox.defender.times import SECOND, format_ticks, parse_ticks

TICKS = st.integers(min_value=0, max_value=253_402_300_799 * SECOND + SECOND - 1)


@given(TICKS)
def test_formatting_loses_nothing(ticks: int) -> None:
    assert parse_ticks(format_ticks(ticks)) == ticks


@given(TICKS)
def test_trailing_zeros_are_left_out(ticks: int) -> None:
    text = format_ticks(ticks)
    assert text.endswith("Z")
    assert "." not in text or not text.endswith("0Z")


@pytest.mark.parametrize(
    "text", ["", "soon", "2026-01-01", "2026-01-01T00:00:00", "2026-13-01T00:00:00Z", "٢٠٢٦-01-01T00:00:00Z"]
)
def test_what_is_not_a_moment(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # the text differs by cause
        parse_ticks(text)


def test_offsets_and_missing_seconds() -> None:
    assert parse_ticks("2026-01-01T02:00:00+02:00") == parse_ticks("2026-01-01T00:00Z")
    assert parse_ticks("2025-12-31T19:00:00.0000001-05:00") == parse_ticks("2026-01-01T00:00:00Z") + 1


@pytest.mark.parametrize("text", ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"])
def test_an_offset_that_leads_out_of_the_years_1_to_9999_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="between the years 1 and 9999"):
        parse_ticks(text)
