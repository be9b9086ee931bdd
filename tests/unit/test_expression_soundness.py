"""Whatever `check` accepts gives true or false for any indicator: alone, with others, at the bounds of every field."""

from typing import Final

import pytest
from hypothesis import assume, given, target
from hypothesis import strategies as st

from schemas.expression import NEVER, VARIABLES, ExpressionError, check, runnable
from schemas.expression.extremes import extremes
from schemas.expression.variables import LATEST
from schemas.indicator import Indicator, SourceState
from schemas.predicates import Predicates
from schemas.resources import Rule
from schemas.types import IndicatorType, Severity

SEEN: Final = 1_700_000_000_000
LAST: Final = 253_402_300_799_999


def _sources(names: list[str]) -> dict[str, SourceState]:
    return {name: SourceState(first_seen=1, last_seen=SEEN, observed_at=SEEN) for name in names}


texts = st.text(max_size=20) | st.sampled_from(["", "7", "a\0b", "\ud800", "é" * 3_000, "2025-01-01T00:00:00Z"])
moments = st.sampled_from([0, 1, SEEN, LAST, -62_135_596_800_000]) | st.integers(-(10**15), 10**19)
tags = st.lists(texts, max_size=5).map(tuple) | st.sampled_from([200, 999, 1_000, 10_000]).map(lambda n: ("tag",) * n)
indicators = st.builds(
    lambda **said: Indicator(type=said["type"], value="", sources={}, first_seen=0, last_seen=0).but(**said),
    type=st.sampled_from(IndicatorType),
    value=texts,
    sources=st.lists(st.sampled_from(["mde", "ns", "lab"]), unique=True).map(_sources),
    first_seen=moments,
    last_seen=moments,
    severity=st.sampled_from(Severity),
    reputation=st.integers(1, 10),
    tags=tags,
    comments=texts,
    active=st.booleans(),
    expires_at=st.none() | moments,
    hits=st.sampled_from([0, 1, 7, 2**31 - 1]) | st.integers(-5, 2**70),
)
_LITERALS = st.sampled_from(["0", "1", "-1", "7", "2147483648", "9223372036854775807", "-9223372036854775808"])
_TEXTS = st.sampled_from(
    ["ioc.value", "ioc.type", "ioc.comments", "ioc.severity", '"a"', '"7"', '"\\n"', "string(ioc.hits)"]
)
_LISTS = st.sampled_from(["ioc.tags", "ioc.sources", '["a", ioc.value]', "(ioc.tags + ioc.sources)", "[]"])
_ORDERS = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
_SPAN_TEXTS = st.sampled_from(['"24h"', '"0s"', '"-1ns"', '"2562047h"', '"80000000h"', "ioc.value"])
_MOMENT_TEXTS = st.sampled_from(
    ['"2025-01-01T00:00:00Z"', '"0001-01-01T00:00:00Z"', '"1900-01-01T00:00:00Z"', '"9999-12-31T23:59:59.999999999Z"',
     '"5000-01-01T00:00:00+14:00"', "ioc.comments"]
)  # fmt: skip
_GETTERS = st.sampled_from(
    ["getFullYear", "getMonth", "getDate", "getDayOfYear", "getHours", "getSeconds", "getMilliseconds"]
)
_ZONES = st.sampled_from(["", '"UTC"', '"Europe/Berlin"', '"-11:30"', '"Mars"', "ioc.value"])


def _joined(*parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(*parts).map(" ".join).map(lambda said: f"({said})")


_moments_said: st.SearchStrategy[str] = st.deferred(
    lambda: st.one_of(
        st.sampled_from(["ioc.first_seen", "ioc.last_seen", "ioc.expires_at"]),
        _MOMENT_TEXTS.map(lambda said: f"timestamp({said})"),
        _LITERALS.map(lambda said: f"timestamp({said})"),
        _joined(_moments_said, st.sampled_from("+-"), _spans),
    )
)
_spans: st.SearchStrategy[str] = st.deferred(
    lambda: st.one_of(
        _SPAN_TEXTS.map(lambda said: f"duration({said})"),
        _joined(_moments_said, st.just("-"), _moments_said),
        _joined(_spans, st.sampled_from("+-"), _spans),
    )
)
_numbers: st.SearchStrategy[str] = st.deferred(
    lambda: st.one_of(
        st.sampled_from(["ioc.hits", "ioc.reputation", "ioc.tags.size()", "size(ioc.sources)"]),
        _LITERALS,
        _TEXTS.map(lambda said: f"int({said})"),
        _TEXTS.map(lambda said: f"size({said})"),
        _moments_said.map(lambda said: f"int({said})"),
        st.tuples(_moments_said, _GETTERS, _ZONES).map(lambda said: f"{said[0]}.{said[1]}({said[2]})"),
        _spans.map(lambda said: f"{said}.getHours()"),
        _joined(_numbers, st.sampled_from("+-*/%"), _numbers),
        _numbers.map(lambda said: f"-({said})"),
        st.tuples(conditions, _numbers, _numbers).map(lambda said: f"({said[0]} ? {said[1]} : {said[2]})"),
    )
)
_atoms = st.one_of(
    st.sampled_from(["ioc.active", 'ioc.value.matches("a+$")', "uint(ioc.hits) - 1u > 3u", 'double("x") > 1.0']),
    _joined(_TEXTS, _ORDERS, _TEXTS),
    _joined(_numbers, _ORDERS, _numbers),
    _joined(_numbers, _ORDERS, _LITERALS),
    _joined(_moments_said, _ORDERS, _moments_said),
    _joined(_spans, _ORDERS, _spans),
    _joined(_TEXTS, st.just("in"), _LISTS),
    st.tuples(_LISTS, st.sampled_from([0, 1, 3]), _TEXTS).map(lambda said: f"{said[0]}[{said[1]}] == {said[2]}"),
    st.tuples(_LISTS, st.sampled_from(["all", "exists", "exists_one"]), _TEXTS).map(
        lambda said: f"{said[0]}.{said[1]}(tag, tag.contains({said[2]}))"
    ),
    _LISTS.map(lambda said: f'{said}.filter(tag, tag != "a").size() > 2'),
    _numbers.map(lambda said: f"[1, 2, ioc.hits].exists(n, n * 3 / ({said}) > n)"),
)
_GUARDED = st.sampled_from(
    ["{0} != 0 && 100 / {0} > 1", "{0} > 0 ? 7 % {0} == 1 : false", "{0} <= 0 || 7 / {0} == 1",
     "!({0} == 0) && 1 / {0} < 3", "{0} == 0 && 100 / {0} > 1", "{0} >= 0 && 100 / {0} > 1",
     "{0} < 1000 && {0} * {0} > 5",
     "{0} != 5 && 1 / ({0} - 5) > 0",
     "ioc.tags.size() > {0} && ioc.tags[1] == ioc.value", "{0} > 1 && ioc.tags[0] == ioc.value"]
)  # fmt: skip
conditions: st.SearchStrategy[str] = st.recursive(
    _atoms | st.tuples(_GUARDED, _numbers).map(lambda said: said[0].format(said[1])),
    lambda inner: st.one_of(
        inner.map(lambda one: f"!({one})"),
        _joined(inner, st.sampled_from(["&&", "||"]), inner),
        st.tuples(inner, inner, inner).map(lambda found: f"({found[0]} ? {found[1]} : {found[2]})"),
        inner.map(lambda one: f"{one} // note\n"),
    ),
    max_leaves=4,
)


def rule(text: str) -> Rule:
    return Rule.model_validate({"metadata": {"name": "rule"}, "spec": {"match": text}})


def is_accepted(text: str) -> bool:
    """Whether it can be saved. Where it cannot, the refusal names its place."""
    try:
        check(text)
    except ExpressionError as error:
        place = (error.line, error.column)
        if min(place) < 1 or not error.why:
            raise
        return False
    return True


@given(st.lists(conditions, min_size=1, max_size=4), st.lists(indicators, min_size=1, max_size=4))
def test_whatever_is_accepted_is_true_or_false_of_any_indicator(said: list[str], found: list[Indicator]) -> None:
    accepted = {str(number): rule(text) for number, text in enumerate(said) if is_accepted(text)}
    target(len(accepted))
    assume(accepted)
    together = Predicates(accepted, 0)
    for indicator in found:
        answers = together(indicator)
        for name, one in accepted.items():
            assert answers[name] in (True, False), one.spec.match
            assert answers[name] is Predicates({"rule": one}, 0)(indicator)["rule"], "others make no difference"


@pytest.mark.parametrize("name", VARIABLES)
def test_every_variable_is_in_its_bounds_for_every_extreme(name: str) -> None:
    variable = VARIABLES[name]
    for said, found in extremes():
        value = variable.read(found)
        if name in ("ioc.hits", "ioc.reputation"):
            assert isinstance(value, int)
            assert variable.low <= value <= variable.high, said


@pytest.mark.parametrize(
    ("text", "never", "in_8000", "in_2030"),
    [
        ('ioc.expires_at == timestamp("9999-12-31T00:00:00Z")', True, False, False),
        ('ioc.expires_at == timestamp("9999-12-31T23:59:59Z")', True, False, False),
        ('ioc.expires_at < timestamp("9999-12-31T23:59:59Z")', False, True, True),
        ('ioc.expires_at < timestamp("9999-01-01T00:00:00Z")', False, True, True),
        ("ioc.expires_at >= timestamp(r'''9999-01-01T00:00:00+01:00''') // late", True, False, False),
        ('ioc.expires_at == timestamp("2261-12-31T23:59:59Z")', True, False, False),
        ('ioc.expires_at > timestamp("2100-01-01T00:00:00Z")', True, True, False),
        ("ioc.comments == 'timestamp(9999)' || ioc.expires_at < timestamp('3000-01-01T00:00:00Z')", False, True, True),
    ],
)
def test_never_is_later_than_any_moment_however_it_is_written(
    text: str, never: bool, in_8000: bool, in_2030: bool
) -> None:
    check(text)
    ask = Predicates({"rule": rule(text)}, 0)
    base = Indicator(type=IndicatorType.DOMAIN, value="a", sources={}, first_seen=1, last_seen=1)
    ends = (None, 190_000_000_000_000, 1_900_000_000_000)
    assert [ask(base.but(expires_at=end))["rule"] for end in ends] == [never, in_8000, in_2030]


def test_a_moment_out_of_bounds_changes_nothing_else_of_an_expression() -> None:
    kept = 'ioc.last_seen < timestamp("2026-01-01T00:00:00Z") && ioc.value != "timestamp(\'9999-01-01T00:00:00Z\')"'
    assert runnable(kept) == kept
    assert LATEST < NEVER
