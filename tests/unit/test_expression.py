"""What rules may say, and how a refusal names place, reason and remedy."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docs.tooling.reference import COULD_FAIL
from schemas.expression import MAX_LENGTH, MAX_TAGS, NEVER, VARIABLES, ExpressionError, check, variables_in
from schemas.indicator import Indicator
from schemas.types import IndicatorType


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
        'ioc.expires_at - ioc.last_seen >= duration("24h")',
        'ioc.expires_at + duration("9999h") > ioc.last_seen',
        "ioc.hits > 0 && 100 / ioc.hits > 5",
        "ioc.hits == 0 || 100 % ioc.hits > 5",
        "(ioc.hits != 0 ? 100 / ioc.hits : 0) > 5",
        'ioc.tags.size() > 2 && ioc.tags[2] == "x"',
        "[2, 3].exists(n, 10 / n < ioc.hits)",
        "uint(ioc.hits) > 3u && double(ioc.hits) / 0.0 > 1.0 && int(ioc.last_seen) / 86400 > 20000",
        " || ".join(['ioc.tags.exists(tag, tag == "x")'] * 9),
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
        ('ioc.value == "\ud800"', 1, 15, "half of a character"),
        ("true &&\n 100 / ioc.hits > 5", 2, 6, "divide by zero; divide by a number, or make sure of it before"),
        ("100 / ioc.hits > 5", 1, 5, "it fails for an indicator with hits: 0"),
        ("ioc.hits >= 0 && 100 / ioc.hits > 5", 1, 22, "it fails for an indicator with hits: 0"),
        ("ioc.hits != 0 || 100 / ioc.hits > 5", 1, 22, "it fails for an indicator with hits: 0"),
        ("100 / (ioc.hits - 7) > 5", 1, 5, "it fails for an indicator with hits: 7"),
        ("100 / (ioc.hits - 12345) > 5", 1, 5, "can divide by zero"),
        ("ioc.hits * ioc.hits * ioc.hits > 5", 1, 21, "too large for CEL; calculate with smaller numbers"),
        ('ioc.tags[0] == "x"', 1, 9, 'too short; write "a" in ioc.tags'),
        ('ioc.tags.size() > 0 && ioc.tags[1] == "x"', 1, 32, "too short"),
        ("ioc.tags.size() > 0 && ioc.sources[0] == ioc.value", 1, 35, "it fails for an indicator with sources: 0"),
        ("ioc.tags.exists(n, n.size() > 0) && 1 / ioc.tags.size() > 0", 1, 39, "make sure of it before"),
        ("int(ioc.value) > 5", 1, 4, "int(…) fails for a value that it cannot read"),
        ("timestamp(ioc.comments) < ioc.last_seen", 1, 10, "timestamp(…) fails"),
        ('timestamp("yesterday") < ioc.last_seen', 1, 10, 'timestamp("yesterday") cannot be read'),
        ('duration("24 hours") < duration("1h")', 1, 9, "cannot be read"),
        ('ioc.last_seen - timestamp("1900-01-01T00:00:00Z") > duration("1h")', 1, 15, "292 years"),
        ('ioc.last_seen + duration("80000000h") > ioc.first_seen', 1, 15, "compare the moments themselves"),
        ('ioc.last_seen.getHours("Mars/Olympus") > 5', 1, 23, "the time zone must be a known name"),
        ("ioc.last_seen.getHours(ioc.value) > 5", 1, 23, "the time zone must be a known name"),
        ('{"url": 8}[ioc.type] > 5', 1, 1, "it fails for an ordinary indicator"),
        ("dyn(ioc.value) < 5", 1, 4, "type is not known"),
        ('[1, "a"].exists(x, x < 2)', 1, 20, "type is not known"),
        ("string(bytes(ioc.value)) == ioc.value", 1, 7, "string(…) fails"),
        ("int(double(ioc.hits)) > 5", 1, 4, "int(…) fails"),
        (" || ".join(['ioc.tags.exists(tag, tag == "x")'] * 10), 1, 1, "10,000 times for an indicator with 1,000 tags"),
    ],
)
def test_a_refusal_names_the_place_and_the_reason(text: str, line: int, column: int, why: str) -> None:
    with pytest.raises(ExpressionError) as refused:
        check(text)
    assert why in refused.value.why
    assert (refused.value.line, refused.value.column) == (line, column)
    assert str(refused.value).startswith(f"line {line}, column {column}: ")


@pytest.mark.parametrize(("refused", "accepted"), [(bad, good) for bad, _, good in COULD_FAIL])
def test_the_reference_page_says_what_is_refused_and_what_to_write(refused: str, accepted: str) -> None:
    check(accepted)
    with pytest.raises(ExpressionError):
        check(refused)


def test_variables_are_found_in_code_only() -> None:
    text = 'ioc .type == "ioc.value" // ioc.hits\n && ioc.tags.exists(ioc, ioc == "x")'
    assert variables_in(text) == {"ioc.type", "ioc.tags"}


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
