"""What rules may say, and that what is accepted can be evaluated for any indicator at a bounded cost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.expression import MAX_LENGTH, MAX_TAGS, NEVER, VARIABLES, ExpressionError, check, variables_in
from schemas.indicator import Indicator, SourceState
from schemas.predicates import Predicates
from schemas.resources import Rule
from schemas.types import IndicatorType, Severity

SEEN = 1_700_000_000_000


@pytest.mark.parametrize(
    "text",
    [
        "true",
        'ioc.severity in ["high", "critical"] && ioc.reputation >= 8',
        'ioc.tags.exists(tag, tag.startsWith("apt")) && !ioc.tags.exists(tag, tag == "fp")',
        'ioc.tags.filter(tag, tag != "auto").size() >= 2',
        'ioc.last_seen - ioc.first_seen > duration("72h")',
        'ioc.value.matches(r"\\.(top|xyz)$") // cheap domains',
        '"a.exists(b.exists(" == ioc.value && ioc.comments != "x.matches(y)"',
        '"""\\""".exists(""" == ioc.value && ioc.tags.all(tag, tag.size() > 1)',
        "ioc\n  .active",
        'ioc.first_seen.getFullYear("UTC") > 2020 && ioc.first_seen.getDayOfWeek("UTC") in [0, 6]',
    ],
)
def test_sound_expressions_are_accepted(text: str) -> None:
    check(text)


@pytest.mark.parametrize(
    ("text", "line", "column", "why"),
    [
        ("", 1, 1, "Syntax error"),
        ('true\n  && ioc.type = "url"', 2, 15, "write == to compare"),
        ('ioc.type ==\n  && "url"', 2, 3, "Syntax error"),
        ('ioc.kind == "url"', 1, 4, "there is no ioc.kind; there is ioc.value, ioc.type"),
        ("now > ioc.last_seen", 1, 1, "there is no now"),
        ('ioc.active &&\n ioc.reputation > "high"', 2, 17, "no matching overload"),
        ("ioc.reputation", 1, 1, "says an int, not true or false"),
        ("ioc.tags", 1, 1, "says a list<string>, not true or false"),
        ("ioc.tags.exists(a, ioc.sources.exists(b, a == b))", 1, 31, "exists within another loop"),
        ("ioc.tags.all(a,\n ioc.tags // b\n .filter(b, b == a).size() == 1)", 3, 2, "filter within another loop"),
        ("ioc.tags.map(tag, tag + tag).size() > 1", 1, 9, "map makes lists of any size"),
        ("ioc.value.matches(ioc.comments)", 1, 10, "pattern as a text in quotes"),
        ('ioc.value.matches("a" + ioc.comments)', 1, 10, "pattern as a text in quotes"),
        ("matches(ioc.value, ioc.comments)", 1, 1, "pattern as a text in quotes"),
        ('ioc.active && ioc.value.matches("(")', 1, 24, "none of RE2"),
        ('ioc.value.matches("(?=a)")', 1, 10, "none of RE2"),
        ('ioc.value == "' + "a" * MAX_LENGTH + '"', 1, MAX_LENGTH + 1, "longer than 4000 characters"),
        ("(" * 200 + "true" + ")" * 200, 1, 1, "recursion"),
    ],
)
def test_a_refusal_names_the_place_and_the_reason(text: str, line: int, column: int, why: str) -> None:
    with pytest.raises(ExpressionError) as refused:
        check(text)
    assert why in refused.value.why
    assert (refused.value.line, refused.value.column) == (line, column)
    assert str(refused.value).startswith(f"line {line}, column {column}: ")


def test_variables_are_found_in_code_only() -> None:
    text = 'ioc .type == "ioc.value" // ioc.hits\n && ioc.tags.exists(ioc, ioc == "x")'
    assert variables_in(text) == {"ioc.type", "ioc.tags"}


def _sources(names: list[str]) -> dict[str, SourceState]:
    return {name: SourceState(first_seen=1, last_seen=SEEN, observed_at=SEEN) for name in names}


texts = st.text(max_size=20)
moments = st.integers(0, 10**19)
indicators = st.builds(
    Indicator,
    type=st.sampled_from(IndicatorType),
    value=texts,
    sources=st.lists(st.sampled_from(["mde", "ns", "lab"]), unique=True).map(_sources),
    first_seen=moments,
    last_seen=moments,
    severity=st.sampled_from(Severity),
    reputation=st.integers(1, 10),
    tags=st.lists(texts, max_size=5).map(tuple),
    comments=texts,
    active=st.booleans(),
    expires_at=st.none() | moments,
    hits=st.integers(1, 2**70),
)
_TEXTS = st.sampled_from(["ioc.value", "ioc.type", "ioc.comments", "ioc.severity", '"a"', '"\\n"', "string(ioc.hits)"])
_NUMBERS = st.recursive(
    st.sampled_from(["ioc.hits", "ioc.reputation", "ioc.tags.size()", "0", "-1", "9223372036854775807"])
    | _TEXTS.map(lambda text: f"int({text})")
    | _TEXTS.map(lambda text: f"{text}.size()"),
    lambda inner: st.tuples(inner, st.sampled_from("+-*/%"), inner).map(lambda found: f"({' '.join(found)})"),
    max_leaves=4,
)
_MOMENTS = st.sampled_from(
    ["ioc.first_seen", "ioc.last_seen", "ioc.expires_at", 'timestamp("2025-01-01T00:00:00Z")', "timestamp(ioc.value)"]
)
_LISTS = st.sampled_from(["ioc.tags", "ioc.sources", '["a", ioc.value]'])
_ATOMS = st.one_of(
    st.just("ioc.active"),
    st.tuples(_TEXTS, st.sampled_from(["==", "!=", "<", ">="]), _TEXTS).map(" ".join),
    st.tuples(_NUMBERS, st.sampled_from(["==", "!=", "<", ">="]), _NUMBERS).map(" ".join),
    st.tuples(_MOMENTS, st.sampled_from(["<", ">"]), _MOMENTS).map(" ".join),
    st.tuples(_MOMENTS, _MOMENTS).map(lambda two: f'{two[0]} - {two[1]} > duration("24h")'),
    st.tuples(_MOMENTS, _MOMENTS).map(lambda two: f'{two[0]} + duration("9999h") > {two[1]}'),
    st.tuples(_TEXTS, _LISTS).map(" in ".join),
    st.tuples(_LISTS, st.sampled_from(["all", "exists", "exists_one"]), _TEXTS).map(
        lambda found: f"{found[0]}.{found[1]}(tag, tag.contains({found[2]}))"
    ),
    _TEXTS.map(lambda text: f"{text}.matches('a+$')"),
)
expressions = st.recursive(
    _ATOMS,
    lambda inner: st.one_of(
        inner.map(lambda one: f"!({one})"),
        st.tuples(inner, st.sampled_from(["&&", "||"]), inner).map(lambda found: f"({' '.join(found)})"),
        st.tuples(inner, inner, inner).map(lambda found: f"({found[0]} ? {found[1]} : {found[2]})"),
        inner.map(lambda one: f"{one} // note"),
    ),
    max_leaves=4,
)


def rule(text: str, name: str = "rule") -> Rule:
    return Rule.model_validate({"metadata": {"name": name}, "spec": {"match": text}})


@given(st.lists(expressions, min_size=1, max_size=4), indicators)
def test_whatever_is_accepted_matches_or_not_or_fails_by_name(said: list[str], indicator: Indicator) -> None:
    accepted = []
    for text in said:
        try:
            check(text)
        except ExpressionError:
            continue
        accepted.append(text)
    together = Predicates({str(number): rule(text) for number, text in enumerate(accepted)}, 0)(indicator)
    for number, text in enumerate(accepted):
        alone = Predicates({"rule": rule(text)}, 0)(indicator)["rule"]
        assert alone in (True, False, None)
        assert together[str(number)] is alone, "others make no difference"


@given(st.text(max_size=60) | st.text(alphabet="ioc.tagsexistsmatches()\"'r\\/ \n,=+0", max_size=60))
def test_any_text_is_accepted_or_refused(text: str) -> None:
    try:
        check(text)
    except ExpressionError as error:
        place = (error.line, error.column)
        if min(place) < 1:
            raise


def test_what_an_expression_is_shown_is_bounded() -> None:
    many = tuple(str(number) for number in range(3 * MAX_TAGS))
    shown = Indicator(type=IndicatorType.DOMAIN, value="a", sources={}, first_seen=1, last_seen=1, tags=many)
    found = {name: variable.read(shown) for name, variable in VARIABLES.items()}
    assert found["ioc.tags"] == list(many[:MAX_TAGS])
    assert found["ioc.expires_at"] == NEVER
    assert found.keys() == VARIABLES.keys()


def test_a_rule_that_loops_too_long_fails_alone() -> None:
    loops = " || ".join(['ioc.tags.exists(tag, tag == "x")'] * 20)
    check(loops)
    tags = tuple(str(number) for number in range(MAX_TAGS))
    indicator = Indicator(type=IndicatorType.DOMAIN, value="a", sources={}, first_seen=1, last_seen=1, tags=tags)
    rules = {"long": rule(loops), "short": rule('ioc.tags.exists(tag, tag == "7")')}
    assert Predicates(rules, 0)(indicator) == {"long": None, "short": True}
