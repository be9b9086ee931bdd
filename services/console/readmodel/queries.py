"""SQL queries of the read model. Pure.

A page of a list needs a few index seeks: each combination of filter values has its own range of an index, in the order
of the list, and a page is merged from the first rows of those ranges.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import product

from schemas.canonical import Refused, canonicalise
from schemas.types import Family, IndicatorType, Severity
from services.console.readmodel.ingest import RANKS

MAX_PAGE = 1_000
COLUMNS = (
    "num", "id", "type", "value", "severity", "reputation", "active", "first_seen", "last_seen", "expires_at", "hits",
    "sources", "tags",
)  # fmt: skip
"""The columns of a page, in this order."""
_SELECTED = ", ".join(f"i.{name}" for name in COLUMNS)

Sql = tuple[str, tuple[object, ...]]
Cursor = tuple[int, int]
"""Last seen and number of the last row of a page; the next page begins after it."""


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter of indicators. `text`: words of the value, of which the last may be a prefix."""

    text: str = ""
    types: Sequence[IndicatorType] = ()
    family: Family | None = None
    severity: Severity | None = None
    """At least this severe."""
    active: bool | None = None
    source: str | None = None
    tag: str | None = None
    destination: str | None = None
    target: str | None = None
    state: str | None = None
    since: int | None = None

    @property
    def facets(self) -> Iterator[tuple[int, str, int]]:
        """Every combination of activity, type and severity that passes the filter."""
        actives = (0, 1) if self.active is None else (int(self.active),)
        types = [type_ for type_ in self.types or IndicatorType if self.family is None or type_.family is self.family]
        least = RANKS[self.severity] if self.severity else 0
        yield from product(actives, types, range(least, len(RANKS)))

    @property
    def is_faceted(self) -> bool:
        """Whether the filter restricts activity, type or severity."""
        return self.active is not None or bool(self.types) or self.family is not None or bool(self.severity)

    @property
    def label(self) -> str | None:
        """The label whose index range is read: of the source, else of the tag."""
        return f"s:{self.source}" if self.source else f"t:{self.tag}" if self.tag else None


def page(wanted: Filter, limit: int, after: Cursor | None = None, *, few_shared: bool = False) -> Sql:
    """A page of indicators: last seen first, or for a search the latest reported first.

    `few_shared`: few entries have the wanted state and place, so start from those.
    """
    sql, parameters = _numbers(wanted, limit, after, few_shared=few_shared)
    order = "i.num DESC" if wanted.text else "i.last_seen DESC, i.num DESC"
    return (f"SELECT {_SELECTED} FROM ({sql}) AS n JOIN indicators AS i ON i.num = n.num ORDER BY {order}", parameters)  # noqa: S608  # no text of anybody's is in it


def count(wanted: Filter, most: int, *, few_shared: bool = False) -> Sql:
    """How many indicators there are, counted up to `most`."""
    sql, parameters = _numbers(wanted, most, None, few_shared=few_shared)
    return f"SELECT count(*) FROM ({sql})", parameters  # noqa: S608


def few(wanted: Filter, most: int) -> Sql:
    """How many entries have the wanted state and place, counted up to `most`."""
    where, parameters = _shared(wanted)
    return f"SELECT count(*) FROM (SELECT 1 FROM shared AS h WHERE {where} LIMIT ?)", (*parameters, most)  # noqa: S608


def asks_for_shared(wanted: Filter) -> bool:
    """Whether the filter restricts destination, target or state."""
    return bool(wanted.destination or wanted.target or wanted.state)


def _numbers(wanted: Filter, limit: int, after: Cursor | None, *, few_shared: bool) -> Sql:
    if wanted.text:
        return _search(wanted, limit, after)
    if few_shared and asks_for_shared(wanted):
        return _from_shared(wanted, limit, after)
    if wanted.is_faceted:
        return _from_facets(wanted, limit, after)
    if wanted.label:
        return _from_label(wanted, limit, after)
    where, parameters = _rest(wanted, after, "i")
    return (
        (f"SELECT i.num, i.last_seen FROM indicators AS i INDEXED BY by_seen WHERE {where} "  # noqa: S608
        "ORDER BY i.last_seen DESC, i.num DESC LIMIT ?"), (*parameters, limit),
    )  # fmt: skip


def _search(wanted: Filter, limit: int, after: Cursor | None) -> Sql:
    """A full-text search. FTS5 yields rows in order of their number."""
    plain, values = _rest(wanted, None, "i")
    faceted, more = _facet_tests(wanted)
    labelled, names = _label_tests(wanted, ("s:", "t:"))
    behind, number = (" AND words.rowid < ?", (after[1],)) if after else ("", ())
    return (
        (
            "SELECT i.num, i.last_seen FROM words JOIN indicators AS i ON i.num = words.rowid "  # noqa: S608
            f"WHERE words MATCH ?{behind} AND {plain}{faceted}{labelled} ORDER BY words.rowid DESC LIMIT ?"
        ),
        (_words(wanted.text), *number, *values, *more, *names, limit),
    )


def _words(text: str) -> str:
    """What FTS5 looks for: the words as given, or those of the canonical value where `text` spells an indicator."""
    spellings = [text]
    with suppress(Refused):  # part of a value is searched for as it is
        spellings.append(canonicalise(text).value)
    return " OR ".join(f'"{one.replace(chr(34), chr(34) * 2)}"*' for one in dict.fromkeys(spellings))


def _from_shared(wanted: Filter, limit: int, after: Cursor | None) -> Sql:
    where, parameters = _shared(wanted)
    rest, values = _behind(wanted, after, "i")
    faceted, more = _facet_tests(wanted)
    labelled, names = _label_tests(wanted, ("s:", "t:"))
    return (
        (
            "SELECT DISTINCT i.num, i.last_seen FROM shared AS h CROSS JOIN indicators AS i ON i.id = h.indicator "  # noqa: S608
            f"WHERE {where} AND {rest}{faceted}{labelled} ORDER BY i.last_seen DESC, i.num DESC LIMIT ?"
        ),
        (*parameters, *values, *more, *names, limit),
    )


def _from_label(wanted: Filter, limit: int, after: Cursor | None) -> Sql:
    """From the index range of the label, which has the order of the list."""
    where, values = _rest(wanted, after, "k")
    where = where.replace("k.id", "(SELECT id FROM indicators WHERE num = k.num)")
    other, names = _label_tests(wanted, ("t:",)) if wanted.source else ("", ())
    return (
        (
            "SELECT k.num, k.last_seen FROM labels AS k INDEXED BY label_by_seen WHERE k.label = ? AND "  # noqa: S608
            f"{where}{other.replace('i.', 'k.')} ORDER BY k.last_seen DESC, k.num DESC LIMIT ?"
        ),
        (wanted.label, *values, *names, limit),
    )


def _from_facets(wanted: Filter, limit: int, after: Cursor | None) -> Sql:
    """Merged from the first rows of each combination's index range."""
    parts, parameters = [], list[object]()
    table, index = ("labels AS k", "") if wanted.label else ("indicators AS k", " INDEXED BY by_facet")
    which, labels = ("k.label = ? AND ", (wanted.label,)) if wanted.label else ("", ())
    where, values = _rest(wanted, after, "k")
    if wanted.label and asks_for_shared(wanted):
        where = where.replace("k.id", "(SELECT id FROM indicators WHERE num = k.num)")
    other, names = _label_tests(wanted, ("t:",)) if wanted.source else ("", ())
    other = other.replace("i.", "k.")
    for facet in wanted.facets:
        parts.append(
            f"SELECT * FROM (SELECT k.num, k.last_seen FROM {table}{index} WHERE {which}k.active = ? AND k.type = ? "  # noqa: S608
            f"AND k.severity = ? AND {where}{other} ORDER BY k.last_seen DESC, k.num DESC LIMIT ?)"
        )
        parameters += [*labels, *facet, *values, *names, limit]
    if not parts:
        return "SELECT 0 AS num, 0 AS last_seen WHERE 0 LIMIT ?", (limit,)
    return f"{' UNION ALL '.join(parts)} ORDER BY last_seen DESC, num DESC LIMIT ?", (*parameters, limit)


def _behind(wanted: Filter, after: Cursor | None, table: str) -> Sql:
    """Conditions for rows after the cursor and within `since`."""
    parts, parameters = ["1"], list[object]()
    if after:
        parts.append(f"({table}.last_seen, {table}.num) < (?, ?)")
        parameters += after
    if wanted.since is not None:
        parts.append(f"{table}.last_seen >= ?")
        parameters.append(wanted.since)
    return " AND ".join(parts), tuple(parameters)


def _rest(wanted: Filter, after: Cursor | None, table: str) -> Sql:
    """The same, with the conditions on destination, target and state."""
    where, parameters = _behind(wanted, after, table)
    if asks_for_shared(wanted):
        shared, values = _shared(wanted)
        where += f" AND EXISTS (SELECT 1 FROM shared AS h WHERE h.indicator = {table}.id AND {shared})"  # noqa: S608
        parameters += values
    return where, parameters


def _shared(wanted: Filter) -> Sql:
    given = {"destination": wanted.destination, "state": wanted.state, "target": wanted.target}
    found = {f"h.{name} = ?": value for name, value in given.items() if value}
    return " AND ".join(found) or "1", tuple(found.values())


def _facet_tests(wanted: Filter) -> Sql:
    if not wanted.is_faceted:
        return "", ()
    facets = list(wanted.facets)
    text, parameters = "", list[object]()
    for name, at in (("active", 0), ("type", 1), ("severity", 2)):
        values = list(dict.fromkeys(facet[at] for facet in facets))
        text += f" AND i.{name} IN ({', '.join('?' * len(values))})"
        parameters += values
    return text, tuple(parameters)


def _label_tests(wanted: Filter, kinds: Sequence[str]) -> Sql:
    text, parameters = "", list[object]()
    for kind, name in (("s:", wanted.source), ("t:", wanted.tag)):
        if name and kind in kinds:
            text += (
                " AND EXISTS (SELECT 1 FROM labels AS l WHERE l.label = ? AND l.active = i.active AND "
                "l.type = i.type AND l.severity = i.severity AND l.last_seen = i.last_seen AND l.num = i.num)"
            )
            parameters.append(f"{kind}{name}")
    return text, tuple(parameters)
