"""What a vendor repeats of an entry says nothing of why it is refused."""

from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.desired import AppliedState
from services.push_defender import plan
from services.push_defender.client import ImportResult
from services.push_netskope.client import _MISSING, _PENDING
from services.push_netskope.url_lists.service import _OF_SIZE
from services.runtime.vendors.echo import own_words
from tests import pushing

WORDS = ["internal", "timeout", "time-out", "timed-out", "unavailable", "throttle", "max-capacity-exceeded", "size",
         "exceeded", "too-large", "pending", "unknown", "not-found", "unsupported"]  # fmt: skip
VALUES = st.sampled_from(WORDS).flatmap(
    lambda word: st.sampled_from(
        [
            f"{word}.evil.example",
            f"evil.{word}.example",
            f"http://evil.example/{word}",
            f"http://{word}.example/a?b={word}",
        ]
    )
)
Echo = Callable[[str], str]
ECHOES: st.SearchStrategy[Echo] = st.sampled_from(
    [
        str,
        str.upper,
        str.title,
        lambda value: value.replace(".", "[.]"),
        lambda value: value.replace("http", "hxxp").replace(".", "(dot)"),
        lambda value: quote(value, safe=""),
        lambda value: quote(quote(value, safe=""), safe=""),
        lambda value: f'"{value}"',
        lambda value: f"'{value}'.",
        lambda value: f"\u201c{value}\u201d",
        lambda value: f"<{value}>",
        lambda value: value[: max(4, len(value) - 5)] + "...",
        lambda value: value[: max(4, len(value) // 2)] + "\u2026",
        lambda value: value[:8],
        lambda value: f"ioc-bridge: {value}",
    ]
)
SENTENCES = st.sampled_from(
    ["Domain name {} is invalid.", "Indicator value {} cannot be parsed", "{}: not valid", "Invalid value: {}", "{}"]
)


@given(VALUES, ECHOES, SENTENCES)
def test_a_value_is_rejected_whatever_words_are_in_it(value: str, echo: Echo, sentence: str) -> None:
    entry = pushing.entry(value)
    text = sentence.format(echo(value))
    result = ImportResult.model_validate({"indicator": value, "isFailed": True, "failureReason": text})
    (outcome,) = plan.results([entry], [result])
    assert outcome.state is AppliedState.REJECTED, own_words(text, plan.texts_of(entry), parts=True)


@given(VALUES, ECHOES, SENTENCES)
def test_no_pattern_for_a_list_is_found_in_an_entry(value: str, echo: Echo, sentence: str) -> None:
    text = own_words(sentence.format(echo(value)), [value], parts=True)
    assert not any(pattern.search(text) for pattern in (_OF_SIZE, _MISSING, _PENDING))


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("Domain name internal.evil.example is invalid.", AppliedState.REJECTED),
        ("Internal error while storing internal.evil.example, try again", AppliedState.FAILED),
        ("Internal error", AppliedState.FAILED),
        ("Request timed out for 'internal.evil.example'", AppliedState.FAILED),
        ("Service unavailable", AppliedState.FAILED),
        ("Too many requests", AppliedState.FAILED),
        ("Max capacity exceeded for internal.evil.example", AppliedState.HELD),
    ],
)
def test_what_the_vendor_says_itself_still_counts(text: str, state: AppliedState) -> None:
    result = ImportResult.model_validate({"isFailed": True, "failureReason": text})
    (outcome,) = plan.results([pushing.entry("internal.evil.example")], [result])
    assert outcome.state is state


def test_titles_comments_and_tags_are_texts_of_the_entry_too() -> None:
    entry = pushing.entry("a.example", comments="seen after an internal error, try again later")
    entry.tags = ("unavailable",)
    for text in ("Invalid 'seen after an internal error, try again later'", "Invalid tag 'unavailable'"):
        result = ImportResult.model_validate({"isFailed": True, "failureReason": text})
        (outcome,) = plan.results([entry], [result])
        assert outcome.state is AppliedState.REJECTED


@given(st.text(max_size=60), st.lists(st.text(max_size=30), max_size=3), st.booleans())
def test_any_text_can_be_read(text: str, sent: list[str], parts: bool) -> None:
    assert isinstance(own_words(text, sent, parts=parts), str)
