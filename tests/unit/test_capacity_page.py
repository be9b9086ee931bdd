"""The capacity page computes from what was measured, and says so where nothing was."""

from bench.capacity import INDICATORS, TENANTS, page
from tests.dashboards import ROOT

FIGURES = {
    "memory empty router": 100.0,
    "memory per 100,000 live indicators": 50.0,
    "recovery router": 100_000.0,
    "throughput router": 20_000.0,
}


def row(text: str, first: str) -> list[str]:
    (line,) = [line for line in text.splitlines() if line.startswith(f"| {first} |")]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_ten_million_indicators_are_shared_out_among_routers() -> None:
    assert row(page(FIGURES), "10,000,000") == ["10,000,000", "5.2 GB", "2", "50 s", "4.2 min"]


def test_a_thousand_tenants_fill_at_the_vendors_pace() -> None:
    assert row(page({}), "1,000") == ["1,000", "15,000,000", "10.5 GB", "1 min", "6.7 /s"]


def test_what_was_not_measured_is_not_guessed() -> None:
    assert row(page({}), "1,000,000")[1:] == ["not measured"] * 4


def test_the_committed_page_covers_what_is_promised() -> None:
    text = (ROOT / "docs" / "capacity.md").read_text("utf-8")
    for count in (*INDICATORS, *TENANTS):
        assert row(text, f"{count:,}")
