"""Answers of the read model as plain data, for the API. A view only reads; one thread uses it at a time."""

import base64
import json
import sqlite3
from collections.abc import Sequence
from typing import Any

import orjson

from schemas.activity import Activity
from schemas.desired import entry_key
from schemas.indicator import Indicator
from schemas.request import entry_name
from services.console.readmodel import queries
from services.console.readmodel.database import Database, query
from services.console.readmodel.ingest import SEVERITIES
from services.console.readmodel.queries import Cursor, Filter

FEW_SHARED = 5_000
COUNT_MOST = 10_000

_SHARED = (
    "SELECT indicator, destination, target, state, CASE state WHEN 'skipped' THEN coalesce(skipped, reason) "
    "WHEN 'pending' THEN NULL ELSE reason END AS reason, CASE state WHEN 'pending' THEN NULL ELSE detail END "
    "AS detail, coalesce(at, wanted_at) AS at, attempts, sharings FROM shared"
)
_SEVERITY_NAMES = tuple(severity.value for severity in SEVERITIES)

Found = dict[str, Any]


class BadCursorError(ValueError):
    """The cursor is not the `next` of a previous page."""


class View:
    """Reads the database through its own connection.

    Raises (every method):
        TooSlowError: the query takes too long.

    """

    def __init__(self, database: Database) -> None:
        self._db = database.reader()

    def close(self) -> None:
        """Close the connection."""
        self._db.close()

    def indicators(self, wanted: Filter, limit: int, cursor: str | None = None) -> Found:
        """A page of indicators with their targets, and the cursor of the next page.

        Raises:
            BadCursorError: the cursor is not the `next` of a previous page.

        """
        sql = queries.page(wanted, limit + 1, _read_cursor(cursor), few_shared=self._few_shared(wanted))
        rows = query(self._db, *sql)
        shared = self._shared([row["id"] for row in rows[:limit]])
        items = [_indicator(row, shared.get(row["id"], [])) for row in rows[:limit]]
        last = rows[limit - 1] if len(rows) > limit else None
        return {"items": items, "next": _write_cursor((last["last_seen"], last["num"])) if last else None}

    def count(self, wanted: Filter) -> Found:
        """How many indicators there are, counted up to a limit; `more`: there are more."""
        sql = queries.count(wanted, COUNT_MOST + 1, few_shared=self._few_shared(wanted))
        found: int = query(self._db, *sql)[0][0]
        return {"count": min(found, COUNT_MOST), "more": found > COUNT_MOST}

    def indicator(self, identity: str) -> Found | None:
        """The record of one indicator, with the targets where it is and was shared; None if it is unknown."""
        rows = query(
            self._db, "SELECT raw FROM records WHERE num = (SELECT num FROM indicators WHERE id = ?)", (identity,)
        )
        if not rows:
            return None
        record = Indicator.decode(rows[0]["raw"])
        shared = self._shared([identity]).get(identity, [])
        there = {one["destination"] for one in shared}
        gone = [
            {"destination": name, "state": "withdrawn", "at": stay.until}
            for name, stay in sorted(record.stays.items())
            if stay.until is not None and name not in there
        ]
        return {"id": identity, **record.model_dump(mode="json", exclude={"v"}), "shared": [*shared, *gone]}

    def activity(self, limit: int, before: int | None, **only: str | None) -> Found:
        """A page of activity, latest first. `only` filters by level, code, service or connection."""
        given = {name: value for name, value in only.items() if value is not None}
        tests = ["num < ?", *(f"{name} = ?" for name in given)]
        sql = f"SELECT num, raw FROM activity WHERE {' AND '.join(tests)} ORDER BY num DESC LIMIT ?"  # noqa: S608
        rows = query(self._db, sql, (2**62 if before is None else before, *given.values(), limit + 1))
        items = [
            {"num": row["num"], **Activity.decode(row["raw"]).model_dump(mode="json", exclude={"v"})}
            for row in rows[:limit]
        ]
        return {"items": items, "next": rows[limit - 1]["num"] if len(rows) > limit else None}

    def rejected(self, destinations: Sequence[str], code: str | None, limit: int) -> list[Found]:
        """Entries that vendors rejected at these destinations, latest first. `code` filters by reason."""
        rows = query(
            self._db,
            "SELECT indicator, destination, target, reason AS code, detail, at, attempts, sharings FROM shared "
            "WHERE destination IN (SELECT value FROM json_each(?)) AND state = 'rejected' AND (? IS NULL OR reason = ?)"
            " ORDER BY at DESC, destination, target, indicator LIMIT ?",
            (json.dumps(list(destinations)), code, code, limit),
        )
        return [
            {
                "id": entry_name(row["destination"], entry_key(row["target"], row["indicator"])), **dict(row),
                "sharings": (row["sharings"] or "").split(),
            }
            for row in rows
        ]  # fmt: skip

    def shared_counts(self) -> list[Found]:
        """Counts of entries by destination, target, sharings, state and reason."""
        rows = query(
            self._db,
            "SELECT destination, target, sharings, state, coalesce(CASE state WHEN 'skipped' THEN coalesce(skipped, "
            "reason) WHEN 'pending' THEN NULL ELSE reason END, '') AS reason, count(*) AS count FROM shared "
            "GROUP BY 1, 2, 3, 4, 5",
        )
        return [{**dict(row), "sharings": (row["sharings"] or "").split()} for row in rows]

    def summary(self) -> Found:
        """Counts of indicators, all and active, in total and by type."""
        rows = query(self._db, "SELECT type, active, count(*) AS count FROM indicators GROUP BY 1, 2")
        types: dict[str, dict[str, int]] = {}
        for row in rows:
            of = types.setdefault(row["type"], {"active": 0, "all": 0})
            of["all"] += row["count"]
            of["active"] += row["count"] if row["active"] else 0
        return {
            "indicators": sum(of["all"] for of in types.values()),
            "active": sum(of["active"] for of in types.values()),
            "types": types,
        }

    def unreadable(self) -> list[Found]:
        """Records that could not be read, with the error. At most 1000."""
        return [dict(row) for row in query(self._db, "SELECT topic, part, key, why FROM unreadable LIMIT 1000")]

    def _few_shared(self, wanted: Filter) -> bool:
        if not queries.asks_for_shared(wanted) or wanted.text:
            return False
        found: int = query(self._db, *queries.few(wanted, FEW_SHARED))[0][0]
        return found < FEW_SHARED

    def _shared(self, identities: Sequence[str]) -> dict[str, list[Found]]:
        rows = query(
            self._db,
            f"{_SHARED} WHERE indicator IN ({', '.join('?' * len(identities))}) ORDER BY 1, 2, 3",
            tuple(identities),
        )
        found: dict[str, list[Found]] = {}
        for indicator, destination, target, state, reason, detail, at, attempts, sharings in rows:
            found.setdefault(indicator, []).append(
                {
                    "destination": destination,
                    "target": target,
                    "state": state,
                    "reason": reason,
                    "detail": detail,
                    "at": at,
                    "sharings": (sharings or "").split(),
                    "attempts": attempts,
                }
            )
        return found


def _indicator(row: sqlite3.Row, shared: list[Found]) -> Found:
    # Unpack by position: a page has a hundred rows, and sqlite3.Row searches all columns for a name.
    _, id_, type_, value, severity, reputation, active, first_seen, last_seen, expires_at, hits, sources, tags = row
    return {
        "id": id_,
        "type": type_,
        "value": value,
        "severity": _SEVERITY_NAMES[severity],
        "reputation": reputation,
        "active": bool(active),
        "first_seen": first_seen,
        "last_seen": last_seen,
        "expires_at": expires_at,
        "hits": hits,
        "sources": orjson.loads(sources),
        "tags": orjson.loads(tags),
        "shared": shared,
    }


def _write_cursor(cursor: Cursor) -> str:
    return base64.urlsafe_b64encode(json.dumps(cursor).encode()).decode().rstrip("=")


def _read_cursor(text: str | None) -> Cursor | None:
    if text is None:
        return None
    try:
        last_seen, num = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, TypeError) as error:
        raise BadCursorError("cursor is not what a former page gave as next") from error
    if not all(type(part) is int and abs(part) < 2**63 for part in (last_seen, num)):
        raise BadCursorError("cursor is not what a former page gave as next")
    return last_seen, num
