"""A record's bytes are what its model would say of itself, and come back as the same record."""

import copy
import pickle
import resource
from collections.abc import Callable
from pathlib import Path
from typing import cast

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.desired import Applied, AppliedState, Desired
from schemas.indicator import Indicator, SourceState, Stay
from schemas.record import Reason, Record
from schemas.targets import Target
from schemas.types import IndicatorType, Severity
from schemas.vendors.defender import DefenderAction
from schemas.vendors.netskope import UrlList

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_MOMENT = st.integers(0, 2**53)
_STATE = st.builds(
    SourceState,
    first_seen=_MOMENT,
    last_seen=_MOMENT,
    comments=_TEXT,
    tags=st.lists(_TEXT, max_size=2).map(tuple),
    link=st.none() | _TEXT,
    observed_at=_MOMENT,
    withdrawn_at=st.none() | _MOMENT,
)
_TARGET: st.SearchStrategy[Target] = st.sampled_from(
    (
        UrlList(kind="url-list", name="ä b"),
        DefenderAction(kind="defender-action", action="Warn", educate_url="https://x"),
    )
)
_RECORDS: dict[str, st.SearchStrategy[Record]] = {
    "indicator": st.builds(
        Indicator,
        type=st.sampled_from(IndicatorType),
        value=_TEXT,
        sources=st.dictionaries(_TEXT, _STATE, max_size=2),
        first_seen=_MOMENT,
        last_seen=_MOMENT,
        severity=st.sampled_from(Severity),
        expires_at=st.none() | _MOMENT,
        desired=st.dictionaries(_TEXT, _TEXT, max_size=1),
        stays=st.dictionaries(_TEXT, st.builds(Stay, since=_MOMENT, until=st.none() | _MOMENT), max_size=1),
    ),
    "desired": st.builds(
        Desired,
        target=_TARGET,
        type=st.sampled_from(IndicatorType),
        value=_TEXT,
        severity=st.sampled_from(Severity),
        reputation=st.integers(1, 10),
        sources=st.just(("one", "two")),
        sharings=st.just(()),
        content=_TEXT,
        reported_at=_MOMENT,
        resend_at=st.none() | _MOMENT,
    ),
    "applied": st.builds(
        Applied,
        state=st.sampled_from(AppliedState),
        target=_TARGET,
        type=st.sampled_from(IndicatorType),
        value=_TEXT,
        content=_TEXT,
        remote_id=st.none() | _TEXT,
        reason=st.none() | st.builds(Reason, code=_TEXT, detail=_TEXT),
        reported_at=_MOMENT,
        at=_MOMENT,
    ),
}


@pytest.mark.parametrize("records", _RECORDS.values(), ids=_RECORDS)
def test_the_quick_way_of_writing_a_record_says_what_the_model_says(records: st.SearchStrategy[Record]) -> None:
    @given(records)
    def holds(record: Record) -> None:
        raw = record.encode()
        assert orjson.loads(raw) == record.model_dump(mode="json", exclude_none=True)
        assert type(record).decode(raw) == record

    holds()


@pytest.mark.parametrize("records", _RECORDS.values(), ids=_RECORDS)
def test_a_record_of_trusted_values_is_in_all_things_like_one_that_was_validated(
    records: st.SearchStrategy[Record],
) -> None:
    @given(records, st.sampled_from((copy.copy, copy.deepcopy, _pickled, Record.model_copy)))
    def holds(record: Record, copied: Callable[[Record], Record]) -> None:
        made = type(record).trusted(dict(record.__dict__))
        assert made == record == made == copied(made)
        assert repr(made) == repr(record)
        assert made.model_dump() == record.model_dump()
        assert made.model_copy(update={"v": 2}) != record
        with pytest.raises(ValidationError, match="frozen"):
            made.v = 1  # type: ignore[misc]
        with pytest.raises(AttributeError, match="no attribute 'other'"):
            made.other  # type: ignore[attr-defined]  # noqa: B018

    holds()


def test_a_target_that_was_asked_for_its_bytes_is_still_the_same_target() -> None:
    asked, other = (DefenderAction(kind="defender-action", action="Block") for _ in range(2))
    assert orjson.loads(asked.wire) == {
        "kind": "defender-action", "action": "Block", "generateAlert": False, "expires": True, "rbacGroups": [],
        "allowDeletion": "no",
    }  # fmt: skip
    assert asked == other
    assert asked.model_dump() == other.model_dump()
    changed = asked.model_copy(update={"generate_alert": True})
    assert orjson.loads(changed.wire)["generateAlert"] is True, "a copy does not keep the bytes of the first"


def test_records_that_are_kept_take_no_more_memory_than_their_bytes() -> None:
    """Measured as the process sees it: a heap full of holes looks well to everybody inside."""
    state = SourceState(first_seen=1, last_seen=2, comments="campaign", observed_at=3)
    before = _resident()
    kept = [Indicator.new(IndicatorType.DOMAIN, f"h{number}.example", "s", state).encode() for number in range(40_000)]
    assert _resident() - before < 3 * sum(map(len, kept))


def _pickled(record: Record) -> Record:
    return cast("Record", pickle.loads(pickle.dumps(record)))


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * resource.getpagesize()
