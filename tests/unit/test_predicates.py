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


def test_a_rule_that_is_too_much_for_one_program_is_asked_by_its_parts() -> None:
    filler = {"cel": f'ioc.value == "{"x" * 3_900}"'}
    rules = {"huge": rule("true", *[filler] * 60), "small": rule("ioc.hits == 1")}
    assert Predicates(rules, 0)(FOUND) == {"huge": True, "small": True}
    rules["huge"] = rule("true", *[filler] * 60, {"cel": "ioc.hits == 1"})
    assert Predicates(rules, 0)(FOUND) == {"huge": False, "small": True}


TAGGED = FOUND.but(tags=tuple(str(number) for number in range(10_000)))


def test_any_number_of_exceptions_by_tag_is_decided_for_any_number_of_tags() -> None:
    kept = rule("ioc.hits == 1", *[{"tags": [f"no {number}", "none"]} for number in range(100)])
    assert Predicates({"rule": kept}, 0)(TAGGED) == {"rule": True}
    for last in ("0", "999", "1000", "9999"):
        out = rule("ioc.hits == 1", *[{"tags": ["none"]}] * 99, {"tags": [last]})
        assert Predicates({"rule": out}, 0)(TAGGED) == {"rule": False}, last


def test_exceptions_that_loop_are_decided_one_by_one_where_they_are_too_much_together() -> None:
    loops = [{"cel": f'ioc.tags.exists(tag, tag == "no {number}")'} for number in range(100)]
    rules = {
        "kept": rule("true", *loops),
        "out": rule("true", *loops[1:], {"cel": 'ioc.tags.exists(tag, tag == "998")'}),
    }
    assert Predicates(rules, 0)(TAGGED) == {"kept": True, "out": False}


def test_fifty_rules_that_loop_are_decided_for_any_number_of_tags() -> None:
    rules = {str(number): rule(f'ioc.tags.exists(tag, tag == "{number * 20}")') for number in range(60)}
    for count in (0, 3, 199, 200, 201, 999, 10_000):
        seen = min(count, 1_000)  # those an expression sees
        found = Predicates(rules, 0)(FOUND.but(tags=TAGGED.tags[:count]))
        assert found == {name: int(name) * 20 < seen for name in rules}, count


def test_a_rule_that_an_earlier_version_accepted_fails_alone_and_only_where_it_must() -> None:
    rules = {
        "divides": rule("10 / ioc.hits > 1"),
        "loops": rule(" || ".join(['ioc.tags.exists(tag, tag == "none")'] * 20)),
        "excepts": rule("true", {"cel": "10 / ioc.hits > 1"}),
        "sound": rule("ioc.hits == 0"),
    }
    assert Predicates(rules, 0)(FOUND) == {"divides": True, "loops": False, "excepts": False, "sound": False}
    failing = Predicates(rules, 0)(TAGGED.but(hits=0))
    assert failing == {"divides": None, "loops": None, "excepts": None, "sound": True}


def test_a_rule_as_deep_as_can_be_takes_no_other_with_it() -> None:
    deep = 30
    rules = {"deep": rule("(" * deep + "ioc.active" + ")" * deep), "small": rule("ioc.hits == 1")}
    assert Predicates(rules, 0)(FOUND) == {"deep": False, "small": True}
