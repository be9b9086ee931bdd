"""Every promise in docs/guarantees.md names a test that is there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
_NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")


def test_every_test_that_a_guarantee_names_exists() -> None:
    named = _NAMED.findall((ROOT / "docs/guarantees.md").read_text())
    assert named
    for path, function in named:
        text = (ROOT / path).read_text()
        assert not function or f"def {function}(" in text, f"{path} has no {function}"
