"""The read model by itself: every filter against a plain reading of the same records, pages, what is taken twice."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.activity import Activity
from schemas.desired import Applied, AppliedState, Desired, entry_key
from schemas.indicator import Indicator, SourceState, Stay
from schemas.level import Level
from schemas.record import Reason
from schemas.topics import Topics
from schemas.types import Family, IndicatorType, Severity
from schemas.vendors.netskope import UrlList
from services.console.readmodel import ingest
from services.console.readmodel.database import Database
from services.console.readmodel.queries import Filter
from services.console.readmodel.view import BadCursorError, View

LIST = UrlList(kind="url-list", name="blocked")


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    found = Database(tmp_path_factory.mktemp("readmodel") / "model.sqlite", Topics())
    yield found
    found.close()


@pytest.fixture
def view(database: Database) -> Iterator[View]:
    found = View(database)
    yield found
    found.close()


def indicator(number: int, **changed: object) -> Indicator:
    """Every number differs in what can be filtered by."""
    type_ = tuple(IndicatorType)[number % 7]
    source = ("mde", "netskope", "feed")[number % 3]
    tags = (f"tag{number % 4}", "all")
    value = f"{number:064x}" if type_.family is Family.HASH else f"host{number}.evil{number % 5}.example"
    said = SourceState(first_seen=number, last_seen=number * 7 % 50, observed_at=number, tags=tags)
    return Indicator(
        type=type_, value=value, sources={source: said}, first_seen=number, last_seen=number * 7 % 50, tags=tags,
        severity=tuple(Severity)[number % 6], active=number % 2 == 0,
    ).but(**changed)  # fmt: skip


def identity(one: Indicator) -> bytes:
    return f"{one.type}:{one.value}".encode()


def desired(one: Indicator, **changed: Any) -> dict[bytes, bytes | None]:
    entry = Desired(
        target=LIST, type=one.type, value=one.value, severity=one.severity, reputation=5, sources=("mde",),
        sharings=("share",), content="c1", reported_at=1,
    )  # fmt: skip
    return {entry_key(LIST.id, identity(one).decode()).encode(): entry.model_copy(update=changed).encode()}


def applied(one: Indicator, state: AppliedState, **changed: Any) -> dict[bytes, bytes | None]:
    entry = Applied(
        state=state, target=LIST, type=one.type, value=one.value, content="c1", reported_at=1, at=5,
        reason=None if state is AppliedState.APPLIED else Reason(code="why", detail="because"),
    )  # fmt: skip
    return {entry_key(LIST.id, identity(one).decode()).encode(): entry.model_copy(update=changed).encode()}


ALL = [indicator(number) for number in range(120)]
STATES = {number: tuple(AppliedState)[number % 5] for number in range(0, 120, 3)}


@pytest.fixture(scope="module", autouse=True)
def _filled(database: Database) -> None:
    db = database.writer
    ingest.Indicators(db).take({identity(one): one.encode() for one in ALL})
    for number, state in STATES.items():
        ingest.take_applied(db, "netskope", applied(ALL[number], state))
        ingest.take_desired(db, "netskope", desired(ALL[number]))
    database.index()


def matches(number: int, one: Indicator, asked: Filter) -> bool:
    """A plain reading of what a filter means."""
    return (
        (not asked.text or asked.text.lower() in one.value)
        and (not asked.types or one.type in asked.types)
        and (asked.family is None or one.type.family is asked.family)
        and (asked.severity is None or ingest.RANKS[one.severity] >= ingest.RANKS[asked.severity])
        and (asked.active is None or one.active is asked.active)
        and (asked.source is None or asked.source in one.sources)
        and (asked.tag is None or asked.tag in one.tags)
        and (asked.since is None or one.last_seen >= asked.since)
        and (asked.destination is None or number in STATES)
        and (asked.state is None or STATES.get(number) == asked.state)
    )


FILTERS = st.builds(
    Filter,
    text=st.sampled_from(["", "evil1", "evil1.example", "host7", "EVIL2", '"', "nothing"]),
    types=st.lists(st.sampled_from(IndicatorType), max_size=2, unique=True),
    family=st.none() | st.sampled_from(Family),
    severity=st.none() | st.sampled_from(Severity),
    active=st.none() | st.booleans(),
    source=st.none() | st.sampled_from(["mde", "nobody"]),
    tag=st.none() | st.sampled_from(["tag1", "all"]),
    destination=st.none() | st.just("netskope"),
    state=st.none() | st.sampled_from(AppliedState).map(str),
    since=st.none() | st.integers(0, 50),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(FILTERS, st.integers(1, 40), st.booleans())
def test_pages_together_are_what_the_filter_means_in_order_and_each_once(
    view: View, monkeypatch: pytest.MonkeyPatch, asked: Filter, limit: int, many: bool
) -> None:
    monkeypatch.setattr("services.console.readmodel.view.FEW_SHARED", 1 if many else 5_000)
    expected = {identity(one).decode() for number, one in enumerate(ALL) if matches(number, one, asked)}
    pages, cursor, found = 0, None, list[dict[str, Any]]()
    while pages == 0 or cursor is not None:
        page = view.indicators(asked, limit, cursor)
        assert len(page["items"]) == limit or page["next"] is None
        found += page["items"]
        cursor, pages = page["next"], pages + 1
    assert [one["id"] for one in found if one["id"] not in expected] == []
    assert len(found) == len({one["id"] for one in found}) == len(expected)
    if not asked.text:
        assert [one["last_seen"] for one in found] == sorted((one["last_seen"] for one in found), reverse=True)
    assert view.count(asked) == {"count": len(expected), "more": False}


@pytest.mark.parametrize("text", ["", "e30", "WzFd", "WzEsICJ4Il0", "!!!", "WzEuNSwgMl0"])
def test_a_cursor_that_is_none_of_ours_is_refused(view: View, text: str) -> None:
    with pytest.raises(BadCursorError):
        view.indicators(Filter(), 10, text)


def test_what_becomes_of_an_entry_is_told_whichever_topic_is_read_first(tmp_path: Path) -> None:
    model = Database(tmp_path / "model.sqlite", Topics())
    view, db, one = View(model), model.writer, indicator(2)
    key = identity(one)
    indicators = ingest.Indicators(db)

    def state() -> list[tuple[str, str | None]]:
        found = view.indicator(key.decode())
        assert found is not None
        return [(shared["state"], shared.get("reason")) for shared in found["shared"]]

    indicators.take({key: one.but(skipped={f"netskope/{LIST.id}": "private_address"}).encode()})
    assert state() == [("skipped", "private_address")]
    indicators.take({key: one.encode()})
    assert state() == []
    ingest.take_desired(db, "netskope", desired(one))
    assert state() == [("pending", None)]
    ingest.take_applied(db, "netskope", applied(one, AppliedState.REJECTED))
    assert state() == [("rejected", "why")]
    ingest.take_desired(db, "netskope", desired(one, content="c2"))
    assert state() == [("pending", None)], "what is rejected was something else"
    ingest.take_applied(db, "netskope", applied(one, AppliedState.APPLIED, content="c2"))
    assert state() == [("applied", None)]
    ingest.take_desired(db, "netskope", desired(one, content="c2", resend_at=6))
    assert state() == [("pending", None)], "it is to be written again"
    ingest.take_desired(db, "netskope", dict.fromkeys(desired(one)))
    assert state() == [("withdrawing", None)]
    ingest.take_applied(db, "netskope", dict.fromkeys(applied(one, AppliedState.APPLIED)))
    indicators.take({key: one.but(stays={"netskope": Stay(since=1, until=9)}).encode()})
    assert state() == [("withdrawn", None)]
    indicators.take({key: None})
    assert view.indicator(key.decode()) is None
    assert view.indicators(Filter(text="host2"), 10)["items"] == []
    assert db.execute("SELECT (SELECT count(*) FROM labels) + (SELECT count(*) FROM shared)").fetchone() == (0,)
    view.close()
    model.close()


def test_what_is_taken_twice_or_newer_leaves_one_row_and_no_stale_label(tmp_path: Path) -> None:
    model = Database(tmp_path / "model.sqlite", Topics())
    view, one = View(model), indicator(4)
    for _ in range(2):
        ingest.Indicators(model.writer).take({identity(one): one.encode()})
    newer = one.but(tags=("fresh",), last_seen=99, severity=Severity.CRITICAL)
    ingest.Indicators(model.writer).take({identity(one): newer.encode()})
    model.index()
    assert [found["last_seen"] for found in view.indicators(Filter(tag="fresh"), 10)["items"]] == [99]
    assert view.indicators(Filter(tag="all"), 10)["items"] == []
    assert view.summary()["types"] == {one.type: {"active": 1, "all": 1}}
    view.close()
    model.close()


def test_what_cannot_be_read_is_named_and_the_rest_is_taken(tmp_path: Path) -> None:
    model = Database(tmp_path / "model.sqlite", Topics())
    one = indicator(1)
    unreadable = ingest.Indicators(model.writer).take({b"domain:bad": b"{}", identity(one): one.encode()})
    assert list(unreadable.found) == ["domain:bad"]
    assert model.writer.execute("SELECT count(*) FROM indicators").fetchone() == (1,)
    model.close()


def test_activity_is_filtered_and_paged_latest_first(tmp_path: Path) -> None:
    model = Database(tmp_path / "model.sqlite", Topics())
    view = View(model)
    levels = tuple(Level)
    ingest.take_activity(
        model.writer,
        [
            (n, Activity(at=n, service="router", level=levels[n % 3], code=f"c{n % 2}", message="m").encode())
            for n in range(20)
        ],
    )
    first = view.activity(5, None, level="error")
    assert [item["num"] for item in first["items"]] == [17, 14, 11, 8, 5]
    assert [item["num"] for item in view.activity(5, first["next"], level="error")["items"]] == [2]
    ingest.forget_activity(model.writer, 10)
    assert len(view.activity(100, None)["items"]) == 10
    view.close()
    model.close()


def test_a_file_of_another_installation_or_version_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "model.sqlite"
    for topics, rows in ((Topics(), 0), (Topics(), 1), (Topics("other"), 0)):
        model = Database(path, topics)
        assert model.writer.execute("SELECT count(*) FROM indicators").fetchone() == (rows,)
        ingest.Indicators(model.writer).take({identity(ALL[0]): ALL[0].encode()})
        model.close()
    path.write_bytes(b"this is no database")
    Database(path, Topics()).close()
