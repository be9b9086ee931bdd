"""Lists and profiles of other people, in any shape: passed over or read as far as it goes, and counted."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.push_netskope.client import NetskopeClient
from services.push_netskope.profiles.client import ProfileClient
from services.runtime.observability.metrics import VENDOR_ROWS_ODD, counted
from services.runtime.vendors.errors import BrokenAnswerError
from services.runtime.vendors.json_text import read_json

OURS = {"id": 5, "name": "ours", "data": {"urls": ["a.example"], "type": "exact"}, "pending": 1, "modify_by": "token"}
PROFILE = {"id": "p-1", "name": "ours", "type": "insensitive", "values_count": 1, "values": ["a.example"]}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just(10**40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def mutated(draw: st.DrawFn, recorded: dict[str, Any]) -> Any:
    """A recorded row of another name, with some fields dropped, null, nested or of another type; or something else."""
    if draw(st.integers(0, 9)) == 0:
        return draw(JSON)
    row = {**recorded, "id": 77, "name": "theirs"}
    for name in draw(st.sets(st.sampled_from(sorted(row)), max_size=4)):
        action = draw(st.sampled_from(["drop", "null", "nest", "any"]))
        if action == "drop":
            del row[name]
        else:
            row[name] = {"null": None, "nest": [{name: row[name]}], "any": draw(JSON)}[action]
    return row


class Answering:
    """A session with an answer of its own for each call's parameters."""

    name = "acme"

    def __init__(self, answer: Callable[[dict[str, Any]], object]) -> None:
        self.answer = answer

    def call_v2(self, *_: object, params: dict[str, Any] | None = None, **__: object) -> object:
        return read_json(json.dumps(self.answer(params or {})).encode())


def client(answer: Callable[[dict[str, Any]], object]) -> NetskopeClient:
    session: Any = Answering(answer)
    return NetskopeClient(session)


@given(st.lists(mutated(OURS), max_size=4), st.data())
def test_no_list_of_others_keeps_ours_from_being_found(odd: list[Any], data: st.DataObject) -> None:
    rows = data.draw(st.permutations([OURS, *odd]))
    found = client(lambda _: rows)
    assert found.find_url_list("ours") == 5
    assert "ours" in [row.name for row in found.pending_url_lists()]


@given(st.lists(mutated(PROFILE), max_size=4), st.data())
def test_no_profile_of_others_keeps_ours_from_being_found(odd: list[Any], data: st.DataObject) -> None:
    rows = data.draw(st.permutations([PROFILE, *odd]))

    def answer(params: dict[str, Any]) -> object:
        start = int(params["offset"])
        return {"elements": rows[start : start + int(params["limit"])]}

    listing = ProfileClient(client(answer)).listing("ours")
    assert listing.there is not None
    assert listing.there.values == ("a.example",)
    assert listing.taken(patterns=False) >= 0 or any(isinstance(row, dict) for row in odd)


@pytest.mark.parametrize("pending", [1, True, "1", "yes", {"a": 1}, [], 7, -1])
def test_a_change_of_others_that_cannot_be_read_still_waits(pending: object) -> None:
    rows = [{"id": None, "name": ["x"], "pending": pending, "modify_by": 9}]
    before = counted(VENDOR_ROWS_ODD, connection="acme")
    assert len(client(lambda _: rows).pending_url_lists()) == 1
    assert counted(VENDOR_ROWS_ODD, connection="acme") == before + 1


@pytest.mark.parametrize("pending", [0, False, None, "0", ""])
def test_what_plainly_does_not_wait_does_not(pending: object) -> None:
    rows = [{"id": 1, "name": "theirs", "pending": pending}]
    assert client(lambda _: rows).pending_url_lists() == []


@pytest.mark.parametrize("answer", [None, {}, {"data": None}, "lists", 7])
def test_what_is_no_list_is_no_empty_one(answer: object) -> None:
    with pytest.raises(BrokenAnswerError):
        client(lambda _: answer).find_url_list("ours")
