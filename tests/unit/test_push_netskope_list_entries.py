"""The text that stands for an indicator: one entry or a pair, in the first list or in a further one."""

from hypothesis import given
from hypothesis import strategies as st

from services.push_netskope.list_entries import (
    all_of,
    entries_of,
    is_whole,
    left_of,
    said_of,
    size_of,
    split,
    text_of,
    united,
)

ENTRY = st.from_regex(r"(\*\.)?[a-z]{1,5}\.(in|example)(/in)?", fullmatch=True)
LABEL = st.sampled_from(["", "in", "Blocked by Defender 2", "a in b"])
PAIR = st.lists(ENTRY, min_size=1, max_size=2, unique=True)


@given(PAIR, LABEL)
def test_a_text_is_read_as_it_was_written(pair: list[str], label: str) -> None:
    text = said_of(" ".join(pair), label)
    assert split(text) == (" ".join(pair), label)
    assert entries_of(text) == tuple(said_of(list_entry, label) for list_entry in pair)
    assert text_of(entries_of(text)) == text
    assert all_of([text, None]) == set(entries_of(text))
    assert size_of(" ".join(pair), 3) == sum(len(list_entry) + 3 for list_entry in pair)


@given(PAIR, LABEL)
def test_what_is_left_and_what_is_added_make_the_whole_again(pair: list[str], label: str) -> None:
    text = said_of(" ".join(pair), label)
    first = entries_of(text)[:1]
    left = left_of(text, first)
    assert left is not None
    assert entries_of(left) == first
    assert united(left, entries_of(text)) == text
    assert (united(None, entries_of(text)), united(None, []), left_of(text, []), left_of(None, [text])) == (
        text, None, None, None,
    )  # fmt: skip
    assert is_whole(text, entries_of(text))
    assert is_whole(text, first) == (len(pair) == 1)
    assert not is_whole(None, first)
