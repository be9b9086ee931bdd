"""Tests that cannot run on this machine say so here, and the test command lists each kind at its end, in one line.

Where CI runs (`CI=true`), what a CI machine can install is a failure and no skip.
"""

import os
from collections import Counter
from typing import NoReturn

import pytest

_PREFIX = "not run: "


def not_run(why: str, how: str, *, installable: bool = False) -> NoReturn:
    """Skip this test: `why` it cannot run here and `how` to have it run. `installable`: CI has to have it."""
    text = f"{_PREFIX}{why}; to have it run: {how}"
    if installable and os.environ.get("CI", "").lower() in {"1", "true"}:
        pytest.fail(f"{text}. Nothing of this kind may be left out where CI=true", pytrace=False)
    pytest.skip(text)


def summary(reports: list[pytest.TestReport]) -> list[str]:
    """A line for each reason, with the number of tests, of the reports of what was skipped."""
    reasons = Counter(_reason(report) for report in reports)
    return [f"{count} {'test' if count == 1 else 'tests'} {reason}" for reason, count in sorted(reasons.items())]


def _reason(report: pytest.TestReport) -> str:
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return text.removeprefix("Skipped: ")
