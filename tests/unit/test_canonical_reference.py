"""The reference page is true: every example on it is executed, and every reason is on it."""

import re
from pathlib import Path

import pytest

from schemas.canonical import MAX_LENGTH, RefusalReason, Refused, canonicalise
from schemas.types import IndicatorType

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "canonical-form.md").read_text(encoding="utf-8")
EXAMPLES: list[tuple[str, str, str]] = re.findall(r"^\| `(.*)` \| (–|[a-z0-9]+) \| (.+) \|$", PAGE, re.MULTILINE)


@pytest.mark.parametrize(("given", "declared", "becomes"), EXAMPLES)
def test_an_example_of_the_page_is_true(given: str, declared: str, becomes: str) -> None:
    kind = None if declared == "–" else IndicatorType(declared)
    try:
        outcome = f"`{canonicalise(given, kind).id}`"
    except Refused as refusal:
        outcome = f"refused: `{refusal.reason}`"
    assert outcome == becomes


def test_no_row_escapes_the_test() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| given |")]
    reasons = re.findall(r"^\| `([a-z_]+)` \| [^|]+ \|$", PAGE, re.MULTILINE)
    assert len(rows) == len(EXAMPLES) + len(reasons) + 1  # the heading of the table of reasons
    assert reasons == list(RefusalReason)
    assert len(EXAMPLES) > 50


def test_the_page_gives_the_limit() -> None:
    assert f"At most {MAX_LENGTH} characters" in PAGE
