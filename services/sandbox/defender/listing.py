"""The query options of a list, and one page of it as bytes.

`$filter`, `$top` (at most 10,000) and `$skip` are documented (Microsoft: "List Indicators API"); `$skip` is always
honoured. Whether `@odata.nextLink` is ever emitted is unconfirmed: switchable.
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote

import orjson

from services.sandbox.defender.odata import Predicate, odata_error, predicate
from services.sandbox.defender.rows import Row
from services.sandbox.defender.switches import DefenderSwitches

MAX_TOP = 10_000
_KNOWN = frozenset({"$filter", "$top", "$skip"})
_TOKEN = "$skiptoken"  # noqa: S105  # the name of an option


@dataclass(frozen=True)
class Query:
    """What a list request asks for."""

    matches: Predicate | None
    filter: str | None
    top: int | None
    skip: int

    @classmethod
    def parse(cls, query_string: str, switches: DefenderSwitches) -> "Query":
        """Read a raw query string. Raises ApiError ODataError."""
        options: dict[str, str] = {}
        for name, value in parse_qsl(query_string, keep_blank_values=True):
            if name in options and name.startswith("$"):
                raise odata_error(f"Query option '{name}' was specified more than once.")
            known = _KNOWN | {_TOKEN} if switches.ignore_skip else _KNOWN
            if name.startswith("$") and name not in known and switches.unknown_options == "reject":
                raise odata_error(f"The query parameter '{name}' is not supported.")
            options[name] = value
        text = options.get("$filter")
        top = _count(options, "$top")
        if top is not None and top > MAX_TOP:
            raise odata_error(f"The limit of '{MAX_TOP}' for Top query has been exceeded. The value is '{top}'.")
        matches = None if text is None else predicate(text, switches)
        skip = _count(options, _TOKEN if switches.ignore_skip else "$skip")
        return cls(matches, text, top, skip or 0)


def _count(options: dict[str, str], name: str) -> int | None:
    text = options.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()):
        raise odata_error(f"Invalid value '{text}' for {name} query option found. It requires a non-negative integer.")
    return int(text)


def ordered(rows: Sequence[Row], switches: DefenderSwitches) -> Sequence[Row]:
    """The rows (given oldest first) in the order this tenant lists them."""
    if switches.list_order == "newest_first":
        return rows[::-1]
    if switches.list_order == "scrambled":
        return sorted(rows, key=lambda row: random.Random(row.id).random())  # noqa: S311  # stable disorder
    return rows


def page(rows: Sequence[Row], query: Query, switches: DefenderSwitches) -> tuple[Sequence[Row], str | None]:
    """One page, and the query string of the next when the switch says so and there is one."""
    matches = query.matches
    if matches is not None:
        rows = [row for row in rows if matches(row.entity)]
    size = min(switches.page_size, MAX_TOP if query.top is None else query.top)
    end = query.skip + size
    if not switches.emit_nextlink or end >= len(rows) or size == 0:
        return rows[query.skip : end], None
    options = [("$filter", query.filter), ("$top", query.top), (_TOKEN if switches.ignore_skip else "$skip", end)]
    following = "&".join(f"{name}={quote(str(value), safe='')}" for name, value in options if value is not None)
    return rows[query.skip : end], following


def render(context: str, entities: Iterable[bytes], next_link: str | None) -> bytes:
    """The answer's JSON from entities that are JSON already."""
    tail = b"" if next_link is None else b',"@odata.nextLink":' + orjson.dumps(next_link)
    return b'{"@odata.context":%b,"value":[%b]%b}' % (orjson.dumps(context), b",".join(entities), tail)
