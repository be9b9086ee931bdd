"""The little of Netskope's query language that clients send with the older event queries.

Invariant: what cannot be read is refused, never ignored. Forms as seen in connectors: `alert_type eq 'Malware'`,
`alert_name like 'x'`, `app in ['a','b']`, joined by `and`, `or` (`and` binds tighter; no parentheses).
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

from services.sandbox.netskope.errors import gateway

Record = Mapping[str, object]
Test = Callable[[Record], bool]

_VALUE: Final = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|[A-Za-z0-9_.:/-]+"
_TERM: Final = re.compile(
    rf"\s*(?P<field>[A-Za-z_][\w.]*)\s+"
    rf"(?:(?P<op>eq|neq|gt|gte|lt|lte|like)\s+(?P<value>{_VALUE})|in\s*\[(?P<items>[^\]]*)\])\s*"
)
_JOIN: Final = re.compile(r"(and|or)\s")
_ITEM: Final = re.compile(rf"\s*({_VALUE})\s*")


def compiled(text: str) -> Test:
    """The test a query makes of a record. Raises RefusedError 400 for anything it cannot read."""
    groups: list[list[Test]] = [[]]
    place = 0
    while True:
        term = _TERM.match(text, place)
        if term is None:
            raise gateway(400, f"query cannot be parsed at position {place}")
        groups[-1].append(_test(term))
        place = term.end()
        if place == len(text):
            return lambda record: any(all(test(record) for test in group) for group in groups)
        joint = _JOIN.match(text, place)
        if joint is None:
            raise gateway(400, f"query cannot be parsed at position {place}")
        if joint[1] == "or":
            groups.append([])
        place = joint.end()


def _test(term: re.Match[str]) -> Test:
    field, name = term["field"], term["op"]
    if name is None:
        items = [_unquoted(item[1]) for item in _ITEM.finditer(term["items"])]
        return lambda record: _text(record.get(field)) in items
    value = _unquoted(term["value"])
    if name == "like":
        return lambda record: value.lower() in _text(record.get(field)).lower()
    if name in {"eq", "neq"}:
        return lambda record: (_text(record.get(field)) == value) == (name == "eq")
    return lambda record: _ordered(name, record.get(field), value)


def _ordered(name: str, held: object, value: str) -> bool:
    if not isinstance(held, int | float) or not re.fullmatch(r"-?[0-9]+", value):
        return False
    number = int(value)
    return {"gt": held > number, "gte": held >= number, "lt": held < number, "lte": held <= number}[name]


def _unquoted(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value[0] in "'\"" else value


def _text(held: object) -> str:
    return held if isinstance(held, str) else "" if held is None else str(held)
