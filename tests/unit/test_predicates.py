"""Rules put together into programs: what each may say does not depend on the others, nor on the limits of a program."""

from schemas.indicator import Indicator
from schemas.predicates import Predicates
from schemas.resources import Rule
from schemas.types import IndicatorType, Severity

FOUND = Indicator(
    type=IndicatorType.DOMAIN, value="evil.example", sources={}, first_seen=1, last_seen=1, severity=Severity.HIGH,
    tags=("phish", "a\rb", 'quote"d', "back\\slash", "ü\t"),
)  # fmt: skip


def rule(match: str, *exceptions: object) -> Rule:
    spec = {"match": match, "exceptions": list(exceptions)}
    return Rule.model_validate({"metadata": {"name": "rule"}, "spec": spec})


def test_a_note_at_the_end_of_a_rule_takes_nothing_with_it() -> None:
    noted = 'ioc.severity == "high" // as agreed'
    rules = {
        "alone": rule(noted),
        "excepted": rule(noted, {"cel": "ioc.hits > 5 // often"}, {"tags": ["none"]}),
        "next": rule("ioc.hits == 1"),
    }
    assert Predicates(rules, 0)(FOUND) == {"alone": True, "excepted": True, "next": True}


def test_exceptions_by_tag_may_hold_any_text() -> None:
    for tag in FOUND.tags:
        assert Predicates({"rule": rule("true", {"tags": ["none", tag]})}, 0)(FOUND) == {"rule": False}, tag


def test_more_rules_than_a_program_takes_are_asked_all_the_same() -> None:
    filler = "x" * 3_900
    rules = {str(number): rule(f'ioc.value != "{filler}{number}"') for number in range(60)}
    assert Predicates(rules, 0)(FOUND) == dict.fromkeys(rules, True)


def test_a_rule_that_is_too_much_for_one_program_fails_and_leaves_the_others_alone() -> None:
    filler = {"cel": f'ioc.value == "{"x" * 3_900}"'}
    rules = {"huge": rule("true", *[filler] * 60), "small": rule("ioc.hits == 1")}
    assert Predicates(rules, 0)(FOUND) == {"huge": None, "small": True}


def test_a_rule_as_deep_as_can_be_takes_no_other_with_it() -> None:
    deep = 30
    rules = {"deep": rule("(" * deep + "ioc.active" + ")" * deep), "small": rule("ioc.hits == 1")}
    assert Predicates(rules, 0)(FOUND) == {"deep": False, "small": True}
