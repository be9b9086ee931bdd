"""Pieces lose and reorder nothing; steps of one trace are recognised as such."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.runtime.chunks import chunks
from services.runtime.observability import trace


@given(st.lists(st.integers()), st.integers(1, 20))
def test_pieces_are_the_whole_in_order_and_full_but_for_the_last(items: list[int], size: int) -> None:
    pieces = list(chunks(items, size))
    assert [item for piece in pieces for item in piece] == items
    assert all(len(piece) == size for piece in pieces[:-1])
    assert all(1 <= len(piece) <= size for piece in pieces)


def test_a_step_stays_in_its_trace_and_is_one_of_its_own() -> None:
    first = trace.new()
    step = trace.child(first)
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", first)
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", step)
    assert trace.trace_id(step) == trace.trace_id(first)
    assert step != first
    assert trace.trace_id(trace.new()) != trace.trace_id(first)


@pytest.mark.parametrize("text", ["", "00", "00-short-0123456789abcdef-01", "00-" + "0" * 32])
def test_what_is_no_traceparent_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="is no traceparent; it has the form"):
        trace.child(text)
