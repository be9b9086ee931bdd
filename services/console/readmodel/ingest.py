"""Writes records of topics as rows. Each function takes the latest value of each key in a batch; None deletes.

Invariant: the order in which topics are read does not matter, and taking a record twice changes nothing.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import orjson

from schemas.activity import Activity
from schemas.desired import Applied, Desired, split_key
from schemas.indicator import Indicator
from schemas.record import Record, UndecodableError
from schemas.types import Severity

RANKS = {severity: rank for rank, severity in enumerate(Severity)}
SEVERITIES = tuple(Severity)
Changes = Mapping[bytes, bytes | None]

_INSERT = """
INSERT INTO indicators (num, id, type, value, severity, reputation, active, first_seen, last_seen, expires_at, hits,
                        sources, tags)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (num) DO UPDATE SET
    severity = excluded.severity, reputation = excluded.reputation, active = excluded.active,
    first_seen = excluded.first_seen, last_seen = excluded.last_seen, expires_at = excluded.expires_at,
    hits = excluded.hits, sources = excluded.sources, tags = excluded.tags
"""
_DESIRED = """
INSERT INTO shared (indicator, destination, target, content, sharings, released, resend_at, wanted_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET
    content = excluded.content, sharings = excluded.sharings, released = excluded.released,
    resend_at = excluded.resend_at, wanted_at = excluded.wanted_at
"""
_APPLIED = """
INSERT INTO shared (indicator, destination, target, became, became_content, reason, detail, at, attempts)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET
    became = excluded.became, became_content = excluded.became_content, reason = excluded.reason,
    detail = excluded.detail, at = excluded.at, attempts = excluded.attempts
"""
_SKIPPED = """
INSERT INTO shared (indicator, destination, target, skipped) VALUES (?, ?, ?, ?)
ON CONFLICT DO UPDATE SET skipped = excluded.skipped
"""
_FORGET = """
DELETE FROM shared WHERE indicator = ? AND content IS NULL AND became IS NULL AND skipped IS NULL
"""
_R = TypeVar("_R", bound=Record)
_Row = tuple[int, str, str, int, int, int, str, str]
"""num, id, type, severity, active, last_seen, sources, tags"""


@dataclass(slots=True)
class Unreadable:
    """Records that could not be read, by key, with the error."""

    found: dict[str, str] = field(default_factory=dict)

    def note(self, key: bytes, error: UndecodableError) -> None:
        """Add a record."""
        self.found[key.decode(errors="replace")] = str(error)


class Indicators:
    """Takes records of `ioc.indicators`. Numbers new indicators consecutively."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._next = db.execute("SELECT coalesce(max(num), 0) + 1 FROM indicators").fetchone()[0]

    def take(self, changes: Changes) -> Unreadable:
        """Take a batch of records."""
        unreadable = Unreadable()
        known = self._known(changes)
        rows, raws, labels, stale, words, skips = [], [], [], [], [], []
        for key, indicator in _decoded(changes, Indicator, unreadable):
            identity = key.decode()
            before = known.get(identity)
            if indicator is None:
                continue
            num = before[0] if before else self._next
            self._next += before is None
            sources, tags = [*indicator.sources], [*dict.fromkeys(indicator.tags)]
            severity, active = RANKS[indicator.severity], int(indicator.active)
            rows.append((
                num, identity, indicator.type.value, indicator.value, severity, indicator.reputation, active,
                indicator.first_seen, indicator.last_seen, indicator.expires_at, indicator.hits,
                orjson.dumps(sources).decode(), orjson.dumps(tags).decode(),
            ))  # fmt: skip
            raws.append((num, changes[key]))
            facet = (active, indicator.type.value, severity, indicator.last_seen, num)
            labels += [(f"s:{source}", *facet) for source in sources]
            labels += [(f"t:{tag}", *facet) for tag in tags]
            if before:
                stale += _labels(before)
            else:
                words.append((num, indicator.value))
            skips += [
                (identity, *_place(place), reason)
                for place, reason in indicator.skipped.items()
                if place not in indicator.desired
            ]
        gone = [known[key.decode()] for key, value in changes.items() if value is None and key.decode() in known]
        self._remove(gone)
        self._db.executemany("DELETE FROM labels WHERE label=? AND active=? AND type=? AND severity=? AND last_seen=? "
                             "AND num=?", stale)  # fmt: skip
        self._db.executemany(_INSERT, rows)
        self._db.executemany("INSERT OR REPLACE INTO records VALUES (?, ?)", raws)
        self._db.executemany("INSERT OR REPLACE INTO labels VALUES (?, ?, ?, ?, ?, ?)", labels)
        self._db.executemany("INSERT INTO words (rowid, value) VALUES (?, ?)", words)
        self._skip(known, skips)
        return unreadable

    def _known(self, changes: Changes) -> dict[str, _Row]:
        names = orjson.dumps([key.decode() for key in changes]).decode()
        found = self._db.execute(
            "SELECT num, id, type, severity, active, last_seen, sources, tags FROM indicators "
            "WHERE id IN (SELECT value FROM json_each(?))", (names,)
        )  # fmt: skip
        return {row[1]: tuple(row) for row in found}

    def _remove(self, gone: list[_Row]) -> None:
        nums = [(row[0],) for row in gone]
        self._db.executemany(
            "INSERT INTO words (words, rowid, value) SELECT 'delete', num, value FROM indicators WHERE num = ?", nums
        )
        self._db.executemany(
            "DELETE FROM labels WHERE label=? AND active=? AND type=? AND severity=? AND last_seen=? AND num=?",
            [label for row in gone for label in _labels(row)],
        )
        self._db.executemany("DELETE FROM indicators WHERE num = ?", nums)
        self._db.executemany("DELETE FROM records WHERE num = ?", nums)

    def _skip(self, known: Iterable[str], skips: Iterable[tuple[str, ...]]) -> None:
        """Replace the skipped entries of these indicators."""
        names = [(identity,) for identity in known]
        self._db.executemany("UPDATE shared SET skipped = NULL WHERE indicator = ? AND skipped IS NOT NULL", names)
        self._db.executemany(_SKIPPED, skips)
        self._db.executemany(_FORGET, names)


def take_desired(db: sqlite3.Connection, destination: str, changes: Changes) -> Unreadable:
    """Take records of `ioc.desired.<destination>`."""
    unreadable = Unreadable()
    rows, gone = [], []
    for key, wanted in _decoded(changes, Desired, unreadable):
        target, indicator = split_key(key.decode())
        if wanted is None:
            gone.append((indicator, destination, target))
        else:
            rows.append((
                indicator, destination, target, wanted.content, " ".join(wanted.sharings), int(wanted.released),
                wanted.resend_at, wanted.reported_at,
            ))  # fmt: skip
    db.executemany(_DESIRED, rows)
    db.executemany("UPDATE shared SET content = NULL, sharings = NULL, released = NULL, resend_at = NULL, "
                   "wanted_at = NULL WHERE indicator = ? AND destination = ? AND target = ?", gone)  # fmt: skip
    db.executemany(_FORGET, [(row[0],) for row in gone])
    return unreadable


def take_applied(db: sqlite3.Connection, destination: str, changes: Changes) -> Unreadable:
    """Take records of `ioc.applied.<destination>`."""
    unreadable = Unreadable()
    rows, gone = [], []
    for key, known in _decoded(changes, Applied, unreadable):
        target, indicator = split_key(key.decode())
        if known is None:
            gone.append((indicator, destination, target))
        else:
            reason = (known.reason.code, known.reason.detail) if known.reason else (None, None)
            rows.append((
                indicator, destination, target, known.state.value, known.content, *reason, known.at, known.attempts
            ))  # fmt: skip
    db.executemany(_APPLIED, rows)
    db.executemany("UPDATE shared SET became = NULL, became_content = NULL, reason = NULL, detail = NULL, at = NULL, "
                   "attempts = NULL WHERE indicator = ? AND destination = ? AND target = ?", gone)  # fmt: skip
    db.executemany(_FORGET, [(row[0],) for row in gone])
    return unreadable


def take_activity(db: sqlite3.Connection, records: Iterable[tuple[int, bytes]]) -> Unreadable:
    """Take records of `ioc.activity` by their offsets."""
    unreadable = Unreadable()
    rows = []
    for offset, raw in records:
        try:
            found = Activity.decode(raw)
        except UndecodableError as error:
            unreadable.note(str(offset).encode(), error)
            continue
        rows.append((offset, found.at, found.level.value, found.code, found.service, found.connection, raw))
    db.executemany("INSERT OR REPLACE INTO activity VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
    return unreadable


def forget_activity(db: sqlite3.Connection, before: int) -> None:
    """Delete activity from before a moment, as Kafka's retention does."""
    db.execute("DELETE FROM activity WHERE at < ?", (before,))


def _decoded(changes: Changes, kind: type[_R], unreadable: Unreadable) -> Iterator[tuple[bytes, _R | None]]:
    for key, value in changes.items():
        if value is None:
            yield key, None
            continue
        try:
            yield key, kind.decode(value)
        except UndecodableError as error:
            unreadable.note(key, error)


def _place(place: str) -> tuple[str, str]:
    destination, _, target = place.partition("/")
    return destination, target


def _labels(row: _Row) -> list[tuple[object, ...]]:
    num, _, type_, severity, active, last_seen, sources, tags = row
    facet = (active, type_, severity, last_seen, num)
    return [
        *((f"s:{source}", *facet) for source in orjson.loads(sources)),
        *((f"t:{tag}", *facet) for tag in orjson.loads(tags)),
    ]
