"""Every example in docs/rules.md can be applied, and matches what the page says and nothing else of it."""

import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from schemas.canonical import canonicalise
from schemas.expression.extremes import extremes
from schemas.flaws import flaws
from schemas.indicator import Indicator
from schemas.predicates import Predicates
from schemas.resources import RESOURCE, Rule
from schemas.types import Severity

PAGE = Path(__file__).parents[2] / "docs" / "rules.md"
_BLOCK = re.compile(r"^```yaml\n(.*?)^```$", re.DOTALL | re.MULTILINE)
NOW = 1_780_000_000_000


def _examples() -> list[tuple[Rule, dict[str, list[dict[str, Any]]]]]:
    blocks = [yaml.safe_load(text) for text in _BLOCK.findall(PAGE.read_text("utf-8"))]
    rules = [RESOURCE.validate_python(block, extra="forbid") for block in blocks[::2]]
    return [(rule, said) for rule, said in zip(rules, blocks[1::2], strict=True) if isinstance(rule, Rule)]


EXAMPLES = _examples()


def indicator(said: Mapping[str, Any]) -> Indicator:
    """An indicator of which the page says only what matters."""
    found = canonicalise(said.get("value", "evil.example"))
    times = {
        name: int(said[name].timestamp() * 1000) if isinstance(said.get(name), datetime) else NOW
        for name in ("first_seen", "last_seen")
    }
    ends = said.get("expires_at")
    state = {"first_seen": NOW, "last_seen": NOW, "observed_at": NOW}
    return Indicator.model_validate(
        {
            **said,
            **times,
            "type": found.type,
            "value": found.value,
            "sources": dict.fromkeys(said.get("sources", ["defender-eu"]), state),
            "severity": Severity(said.get("severity", "unknown")),
            "tags": tuple(said.get("tags", ())),
            "expires_at": int(ends.timestamp() * 1000) if ends else None,
            "active": True,
        }
    )


@pytest.mark.parametrize(("rule", "said"), EXAMPLES, ids=[rule.name for rule, _ in EXAMPLES])
def test_an_example_matches_what_the_page_says(rule: Rule, said: dict[str, list[dict[str, Any]]]) -> None:
    assert flaws([rule]) == []
    ask = Predicates({rule.name: rule}, NOW)
    assert [ask(indicator(one))[rule.name] for one in said["matches"]] == [True] * len(said["matches"])
    assert [ask(indicator(one))[rule.name] for one in said["other"]] == [False] * len(said["other"])
    assert said["other"], "an example also says what it leaves out"


@pytest.mark.parametrize("rule", [rule for rule, _ in EXAMPLES], ids=[rule.name for rule, _ in EXAMPLES])
def test_an_example_says_true_or_false_of_every_extreme_indicator(rule: Rule) -> None:
    ask = Predicates({rule.name: rule}, NOW)
    assert {said: ask(found)[rule.name] for said, found in extremes() if ask(found)[rule.name] is None} == {}


def test_what_never_expires_is_not_for_hours_only() -> None:
    (rule,) = [rule for rule, _ in EXAMPLES if rule.name == "not-for-hours-only"]
    ask = Predicates({rule.name: rule}, NOW)
    for seen in (0, NOW, 253_402_300_799_999):
        assert ask(indicator({}).but(last_seen=seen, expires_at=None)) == {rule.name: seen <= NOW}


def test_all_of_them_together_say_the_same() -> None:
    ask = Predicates({rule.name: rule for rule, _ in EXAMPLES}, NOW)
    for rule, said in EXAMPLES:
        assert all(ask(indicator(one))[rule.name] for one in said["matches"])
    assert len({rule.name for rule, _ in EXAMPLES}) == len(EXAMPLES) >= 15
