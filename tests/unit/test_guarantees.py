"""Every promise in docs/guarantees.md, and every bullet in tests/scenarios/README.md, names a test that is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")


@pytest.mark.parametrize("page", ["docs/guarantees.md", "tests/scenarios/README.md"])
def test_every_test_that_is_named_exists(page: str) -> None:
    named = _NAMED.findall((ROOT / page).read_text())
    assert named
    for path, function in named:
        text = (ROOT / path).read_text()
        assert not function or f"def {function}(" in text, f"{path} has no {function}"
