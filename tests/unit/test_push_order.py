"""What is answered "accepted" takes effect: any sequence of pushes of one source ends as its last one says."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.indicator import Indicator
from schemas.types import Severity
from services.console.ingest.expired import ALREADY_EXPIRED, with_expiry
from services.console.ingest.formats import Format
from services.console.ingest.items import SEEN_IN_FUTURE, JudgedItem, read
from services.router.evaluation.combine import SourceTerms, asserting
from services.router.evaluation.merge import merge

NOW = 1_900_000_000_000
DAY = 86_400_000
TIMES = st.none() | st.integers(-40_000, 40_000).map(
    lambda hours: (datetime.fromtimestamp(NOW / 1000, UTC) + timedelta(hours=hours)).isoformat()
)
PUSHES = st.fixed_dictionaries(
    {"severity": st.sampled_from(["low", "high"]), "withdrawn": st.booleans()}, optional={"last_seen": TIMES}
)


def push(item: dict[str, object], now: int, aging: timedelta | None = None) -> JudgedItem:
    (found,) = read(orjson.dumps([{"value": "evil.example", **item}]), Format.JSON, now)
    return with_expiry(found, aging, now)


@given(st.lists(PUSHES, min_size=1, max_size=8))
@example([{"severity": "low", "withdrawn": False}, {"severity": "low", "withdrawn": True},
          {"severity": "low", "withdrawn": False, "last_seen": "2020-01-01T00:00:00Z"}])  # fmt: skip
@example([{"severity": "low", "withdrawn": False, "last_seen": "2099-01-01T00:00:00Z"},
          {"severity": "high", "withdrawn": False}])  # fmt: skip
def test_the_last_push_counts_whatever_times_it_names(pushes: list[dict[str, object]]) -> None:
    known: Indicator | None = None
    for number, item in enumerate(pushes):
        found = push(item, NOW + number)
        assert found.answer["status"] == "accepted"
        assert found.report is not None
        known = merge(known, "feed", found.report) or known
        if known is None:
            assert item["withdrawn"], "what was never stated need not be taken back"
            continue
        state = known.sources["feed"]
        assert (state.withdrawn_at is not None) == item["withdrawn"]
        assert item["withdrawn"] or state.severity is Severity(str(item["severity"]))
        assert state.last_seen <= NOW + number


@given(PUSHES, st.none() | TIMES, st.none() | st.integers(1, 2_000))
def test_an_answer_says_where_an_item_has_expired_already(
    item: dict[str, object], ends: str | None, days: int | None
) -> None:
    aging = None if days is None else timedelta(days=days)
    found = push({**item, "expires_at": ends}, NOW, aging)
    assert found.report is not None
    known = merge(None, "feed", found.report)
    if known is None:
        assert ALREADY_EXPIRED not in str(found.answer)
        return
    terms = {"feed": SourceTerms(None if days is None else days * DAY)}
    is_shared = bool(asserting(known, terms, NOW))
    assert is_shared == ("shared nowhere" not in str(found.answer))


def test_remarks_on_accepted_items_are_explained() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "reasons.md").read_text("utf-8")
    assert all(f"| `{code}` |" in page for code in (ALREADY_EXPIRED, SEEN_IN_FUTURE))
