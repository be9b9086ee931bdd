"""Questions to the read model, as SQL. Pure.

Every page of a list is a few seeks: each combination of what is filtered by has its own stretch of an index in the
order of the list, and a page is merged from the first rows of those stretches.
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
"""What a page tells of each indicator, in this order."""
_SELECTED = ", ".join(f"i.{name}" for name in COLUMNS)

Sql = tuple[str, tuple[object, ...]]
Cursor = tuple[int, int]
"""Last seen and number of the last row of a page; the next begins behind it."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which indicators. `text`: words of the value, the last of which may be a beginning."""

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
        """Every combination of activity, type and severity that is asked for."""
        actives = (0, 1) if self.active is None else (int(self.active),)
        types = [type_ for type_ in self.types or IndicatorType if self.family is None or type_.family is self.family]
        least = RANKS[self.severity] if self.severity else 0
        yield from product(actives, types, range(least, len(RANKS)))

    @property
    def is_faceted(self) -> bool:
        """Whether it asks for some activities, types or severities only."""
        return self.active is not None or bool(self.types) or self.family is not None or bool(self.severity)

    @property
    def label(self) -> str | None:
        """The label whose stretch of the index is walked; a source before a tag."""
        return f"s:{self.source}" if self.source else f"t:{self.tag}" if self.tag else None


def page(asked: Filter, limit: int, after: Cursor | None = None, *, few_shared: bool = False) -> Sql:
    """A page of indicators: the last seen first, or for a search the last to become known first.

    `few_shared`: few entries are in the state and at the place that is asked for, so begin with those.
    """
    sql, parameters = _numbers(asked, limit, after, few_shared=few_shared)
    order = "i.num DESC" if asked.text else "i.last_seen DESC, i.num DESC"
    return (f"SELECT {_SELECTED} FROM ({sql}) AS n JOIN indicators AS i ON i.num = n.num ORDER BY {order}", parameters)  # noqa: S608  # no text of anybody's is in it


def count(asked: Filter, most: int, *, few_shared: bool = False) -> Sql:
    """How many indicators there are, counted up to `most`."""
    sql, parameters = _numbers(asked, most, None, few_shared=few_shared)
    return f"SELECT count(*) FROM ({sql})", parameters  # noqa: S608


def few(asked: Filter, most: int) -> Sql:
    """How many entries are in the state and at the place that is asked for, counted up to `most`."""
    where, parameters = _shared(asked)
    return f"SELECT count(*) FROM (SELECT 1 FROM shared AS h WHERE {where} LIMIT ?)", (*parameters, most)  # noqa: S608


def asks_for_shared(asked: Filter) -> bool:
    """Whether it is about what is shared."""
    return bool(asked.destination or asked.target or asked.state)


def _numbers(asked: Filter, limit: int, after: Cursor | None, *, few_shared: bool) -> Sql:
    if asked.text:
        return _search(asked, limit, after)
    if few_shared and asks_for_shared(asked):
        return _from_shared(asked, limit, after)
    if asked.is_faceted:
        return _from_facets(asked, limit, after)
    if asked.label:
        return _from_label(asked, limit, after)
    where, parameters = _rest(asked, after, "i")
    return (
        (f"SELECT i.num, i.last_seen FROM indicators AS i INDEXED BY by_seen WHERE {where} "  # noqa: S608
        "ORDER BY i.last_seen DESC, i.num DESC LIMIT ?"), (*parameters, limit),
    )  # fmt: skip


def _search(asked: Filter, limit: int, after: Cursor | None) -> Sql:
    """FTS5 brings rows in order of number, whatever is searched for."""
    plain, values = _rest(asked, None, "i")
    faceted, more = _facet_tests(asked)
    labelled, names = _label_tests(asked, ("s:", "t:"))
    behind, number = (" AND words.rowid < ?", (after[1],)) if after else ("", ())
    return (
        (
            "SELECT i.num, i.last_seen FROM words JOIN indicators AS i ON i.num = words.rowid "  # noqa: S608
            f"WHERE words MATCH ?{behind} AND {plain}{faceted}{labelled} ORDER BY words.rowid DESC LIMIT ?"
        ),
        (_words(asked.text), *number, *values, *more, *names, limit),
    )


def _words(text: str) -> str:
    """What FTS5 looks for: the words as given, or those of the canonical value where `text` spells an indicator."""
    spellings = [text]
    with suppress(Refused):  # part of a value is searched for as it is
        spellings.append(canonicalise(text).value)
    return " OR ".join(f'"{one.replace(chr(34), chr(34) * 2)}"*' for one in dict.fromkeys(spellings))


def _from_shared(asked: Filter, limit: int, after: Cursor | None) -> Sql:
    where, parameters = _shared(asked)
    rest, values = _behind(asked, after, "i")
    faceted, more = _facet_tests(asked)
    labelled, names = _label_tests(asked, ("s:", "t:"))
    return (
        (
            "SELECT DISTINCT i.num, i.last_seen FROM shared AS h CROSS JOIN indicators AS i ON i.id = h.indicator "  # noqa: S608
            f"WHERE {where} AND {rest}{faceted}{labelled} ORDER BY i.last_seen DESC, i.num DESC LIMIT ?"
        ),
        (*parameters, *values, *more, *names, limit),
    )


def _from_label(asked: Filter, limit: int, after: Cursor | None) -> Sql:
    """The label's own stretch, which is in the order of the list."""
    where, values = _rest(asked, after, "k")
    where = where.replace("k.id", "(SELECT id FROM indicators WHERE num = k.num)")
    other, names = _label_tests(asked, ("t:",)) if asked.source else ("", ())
    return (
        (
            "SELECT k.num, k.last_seen FROM labels AS k INDEXED BY label_by_seen WHERE k.label = ? AND "  # noqa: S608
            f"{where}{other.replace('i.', 'k.')} ORDER BY k.last_seen DESC, k.num DESC LIMIT ?"
        ),
        (asked.label, *values, *names, limit),
    )


def _from_facets(asked: Filter, limit: int, after: Cursor | None) -> Sql:
    """Merged from the first rows of each combination's stretch."""
    parts, parameters = [], list[object]()
    table, index = ("labels AS k", "") if asked.label else ("indicators AS k", " INDEXED BY by_facet")
    which, labels = ("k.label = ? AND ", (asked.label,)) if asked.label else ("", ())
    where, values = _rest(asked, after, "k")
    if asked.label and asks_for_shared(asked):
        where = where.replace("k.id", "(SELECT id FROM indicators WHERE num = k.num)")
    other, names = _label_tests(asked, ("t:",)) if asked.source else ("", ())
    other = other.replace("i.", "k.")
    for facet in asked.facets:
        parts.append(
            f"SELECT * FROM (SELECT k.num, k.last_seen FROM {table}{index} WHERE {which}k.active = ? AND k.type = ? "  # noqa: S608
            f"AND k.severity = ? AND {where}{other} ORDER BY k.last_seen DESC, k.num DESC LIMIT ?)"
        )
        parameters += [*labels, *facet, *values, *names, limit]
    if not parts:
        return "SELECT 0 AS num, 0 AS last_seen WHERE 0 LIMIT ?", (limit,)
    return f"{' UNION ALL '.join(parts)} ORDER BY last_seen DESC, num DESC LIMIT ?", (*parameters, limit)


def _behind(asked: Filter, after: Cursor | None, table: str) -> Sql:
    """Behind the cursor, and within the window."""
    parts, parameters = ["1"], list[object]()
    if after:
        parts.append(f"({table}.last_seen, {table}.num) < (?, ?)")
        parameters += after
    if asked.since is not None:
        parts.append(f"{table}.last_seen >= ?")
        parameters.append(asked.since)
    return " AND ".join(parts), tuple(parameters)


def _rest(asked: Filter, after: Cursor | None, table: str) -> Sql:
    """The same, and shared as is asked for."""
    where, parameters = _behind(asked, after, table)
    if asks_for_shared(asked):
        shared, values = _shared(asked)
        where += f" AND EXISTS (SELECT 1 FROM shared AS h WHERE h.indicator = {table}.id AND {shared})"  # noqa: S608
        parameters += values
    return where, parameters


def _shared(asked: Filter) -> Sql:
    given = {"destination": asked.destination, "state": asked.state, "target": asked.target}
    found = {f"h.{name} = ?": value for name, value in given.items() if value}
    return " AND ".join(found) or "1", tuple(found.values())


def _facet_tests(asked: Filter) -> Sql:
    if not asked.is_faceted:
        return "", ()
    facets = list(asked.facets)
    text, parameters = "", list[object]()
    for name, at in (("active", 0), ("type", 1), ("severity", 2)):
        values = list(dict.fromkeys(facet[at] for facet in facets))
        text += f" AND i.{name} IN ({', '.join('?' * len(values))})"
        parameters += values
    return text, tuple(parameters)


def _label_tests(asked: Filter, kinds: Sequence[str]) -> Sql:
    text, parameters = "", list[object]()
    for kind, name in (("s:", asked.source), ("t:", asked.tag)):
        if name and kind in kinds:
            text += (
                " AND EXISTS (SELECT 1 FROM labels AS l WHERE l.label = ? AND l.active = i.active AND "
                "l.type = i.type AND l.severity = i.severity AND l.last_seen = i.last_seen AND l.num = i.num)"
            )
            parameters.append(f"{kind}{name}")
    return text, tuple(parameters)
