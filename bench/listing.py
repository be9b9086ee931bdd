"""Pages of lists from 1,000,000 indicators in the read model, beside a plain SQLite query of the same."""

import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing

from rich.console import Console

from bench.result import Figure, at_most
from schemas.canonical import indicator_id
from schemas.desired import Applied, AppliedState, Desired, entry_key
from schemas.indicator import Indicator, SourceState
from schemas.record import Reason
from schemas.topics import Topics
from schemas.types import Family, IndicatorType, Severity
from schemas.vendors.netskope import UrlList
from services.console.readmodel import ingest
from services.console.readmodel.database import Database
from services.console.readmodel.queries import Filter
from services.console.readmodel.view import View
from services.sandbox.latency import quantile

ROWS = 1_000_000
SHARED_EVERY = 4
ROUNDS = 40
LIMIT = 100
_BATCH = 20_000
_LONGEST_S = 3.0
"""A plain query may take a second, and the figure needs no forty of them."""
_TARGET = UrlList(kind="url-list", name="blocked")

FILTERS: dict[str, tuple[Filter, str]] = {
    "all": (Filter(), "1"),
    "active, of a type": (
        Filter(active=True, types=[IndicatorType.SHA256]), "active = 1 AND type = 'sha256'",
    ),
    "family and severity": (
        Filter(family=Family.URL, severity=Severity.HIGH),
        "type IN ('url', 'domain', 'ipv4', 'ipv6') AND severity >= 4",
    ),
    "of a source": (Filter(source="netskope"), "sources = '[\"netskope\"]'"),
    "with a rare tag": (Filter(tag="rare"), "tags LIKE '%\"rare\"%'"),
    "rejected": (
        Filter(destination="netskope", state="rejected"),
        "id IN (SELECT indicator FROM shared WHERE destination = 'netskope' AND became = 'rejected')",
    ),
    "search for a host": (Filter(text="evil77.example"), "value LIKE '%evil77.example%'"),
    "search for the beginning of a word": (Filter(text="host12345"), "value LIKE '%host12345%'"),
}  # fmt: skip
"""By name: what is asked of the read model, and the condition of a plain query that asks the same."""


def run(console: Console) -> list[Figure]:
    """lists of the console from 1,000,000 indicators and where each is shared, beside a plain query of the same rows"""
    with closing(Database(None, Topics())) as database:
        began = time.process_time()
        with console.status(f"taking {ROWS:,} indicators"):
            _fill(database)
        rate = ROWS / (time.process_time() - began)
        figures = [Figure("read model, records made and taken per second of processor", rate, "1/s")]
        with closing(View(database)) as view, closing(database.reader()) as plain:
            for name, asked in FILTERS.items():
                with console.status(f"listing: {name}"):
                    figures += _measure(name, view, plain, *asked)
    return figures


def _measure(name: str, view: View, plain: sqlite3.Connection, asked: Filter, where: str) -> list[Figure]:
    order = "num" if asked.text else "last_seen"
    sql = (
        f"SELECT * FROM (SELECT * FROM indicators WHERE {where} ORDER BY {order} DESC LIMIT {LIMIT}) AS i "
        "LEFT JOIN shared AS h ON h.indicator = i.id"
    )
    ours, theirs = _by_turns(_pages(view, asked), lambda: plain.execute(sql).fetchall())
    p99, other = quantile(ours, 0.99), quantile(theirs, 0.99)
    return [
        at_most(f"list {name}, page of {LIMIT}, p99", p99 * 1000, "ms", 200),
        Figure(f"list {name}, plain query, p99", other * 1000, "ms"),
        at_most(f"list {name}, p50, times the plain query", quantile(ours, 0.5) / quantile(theirs, 0.5), "", 3),
    ]


def _pages(view: View, asked: Filter) -> Callable[[], object]:
    """One page after another, from the first again when there are no more."""
    cursor: str | None = None

    def following() -> None:
        nonlocal cursor
        cursor = view.indicators(asked, LIMIT, cursor)["next"]

    return following


def _by_turns(ours: Callable[[], object], theirs: Callable[[], object]) -> tuple[list[float], list[float]]:
    """Seconds that each call took, one after the other, so that a machine that is slow for a moment is so for both."""
    for call in (ours, theirs):  # warm
        call()
    found, other, until = list[float](), list[float](), time.monotonic() + _LONGEST_S
    for _ in range(ROUNDS):
        found.append(_seconds(ours))
        if not other or time.monotonic() < until:
            other.append(_seconds(theirs))
    return found, other


def _seconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def _fill(database: Database) -> None:
    db, indicators = database.writer, ingest.Indicators(database.writer)
    for start in range(0, ROWS, _BATCH):
        made = list(_made(range(start, min(start + _BATCH, ROWS))))
        db.execute("BEGIN")
        indicators.take({key: one.encode() for key, one in made})
        shared = [found for number, found in enumerate(made) if number % SHARED_EVERY == 0]
        ingest.take_desired(db, "netskope", dict(map(_desired, shared)))
        ingest.take_applied(db, "netskope", dict(map(_applied, shared)))
        db.execute("COMMIT")
    database.index()


def _made(numbers: range) -> Iterator[tuple[bytes, Indicator]]:
    rng = random.Random(numbers.start)
    types, severities = tuple(IndicatorType), tuple(Severity)
    for number in numbers:
        type_ = rng.choice(types)
        value = f"{number:064x}" if type_.family is Family.HASH else f"host{number}.evil{number % 997}.example"
        seen = 1_700_000_000_000 + rng.randrange(10_000_000_000)
        tags = ("rare",) if number % 10_000 == 0 else (f"tag{number % 20}",)
        source = "mde" if number % 3 else "netskope"
        said = SourceState(first_seen=seen, last_seen=seen, observed_at=seen, tags=tags)
        made = Indicator.new(type_, value, source, said)
        yield (
            indicator_id(type_, value).encode(),
            made.but(tags=tags, severity=rng.choice(severities), active=number % 5 > 0),
        )


def _desired(found: tuple[bytes, Indicator]) -> tuple[bytes, bytes]:
    key, one = found
    entry = Desired(
        target=_TARGET, type=one.type, value=one.value, severity=one.severity, reputation=5, sources=("mde",),
        sharings=("share",), content="c", reported_at=1,
    )  # fmt: skip
    return entry_key(_TARGET.id, key.decode()).encode(), entry.encode()


def _applied(found: tuple[bytes, Indicator]) -> tuple[bytes, bytes]:
    key, one = found
    bad = one.last_seen % 500 == 0
    entry = Applied(
        state=AppliedState.REJECTED if bad else AppliedState.APPLIED, target=_TARGET, type=one.type, value=one.value,
        content="c", reason=Reason(code="vendor_refused") if bad else None, reported_at=1, at=2,
    )  # fmt: skip
    return entry_key(_TARGET.id, key.decode()).encode(), entry.encode()
