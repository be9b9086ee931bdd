"""Reads JSON items one by one, so that an unreadable item does not affect the others.

Uses Python's `json` instead of orjson: it can start in the middle of a text, and it reports repeated fields.
"""

import json
import re
from collections.abc import Generator, Iterator

from services.console.ingest.raw_items import NOT_UTF8, BadBodyError, RawItem, is_utf8

_BLANKS = re.compile(r"[ \t\n\r]*")
_TOKEN = re.compile(r'"(?:[^"\\\n\r]|\\.)*"|[\[\]{},]')
_NEXT_OBJECT = re.compile(r',[ \t\r]*(?:\n[ \t\r\n]*(?=\{)|(?=\{[ \t]*"[a-z_]{4,12}"[ \t]*:))')
_SHAPE = 'give one item, a list of items, or {"indicators": [...]}'
_WINDOWS = (65_536, 4_194_304)
"""Characters to parse for one item: few at first, since each attempt copies them, then as many as an item may have."""


class _FlawError(ValueError):
    """Accepted by the parser, but refused here."""


def json_items(text: str) -> Iterator[RawItem]:
    """The items of a JSON body: one, a list, or an object with a list named `indicators`.

    Raises:
        BadBodyError: the body is none of these.

    """
    return _Reader(text).items()


def ndjson_items(text: str) -> Iterator[RawItem]:
    """The items of a body with one item on each line. Skips blank lines."""
    for number, line in enumerate(re.split(r"\r\n|\n|\r", text), 1):
        if line.strip():
            yield _one(line, number)


def _one(line: str, number: int) -> RawItem:
    if not is_utf8(line):
        return RawItem(number, flaw=NOT_UTF8)
    try:
        return RawItem(number, _DECODER.decode(line))
    except (ValueError, RecursionError) as error:
        return RawItem(number, flaw=_why(error))


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _FlawError(f"{twice[:40]}: is given twice; keep one of the two")
    return found


def _constant(name: str) -> object:
    raise _FlawError(f"{name} is not JSON; give a number, or leave the field out")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant)


def _why(error: Exception) -> str:
    match error:
        case json.JSONDecodeError():
            near = error.doc[error.pos : error.pos + 20]
            return f"is not JSON: {error.msg[:1].lower()}{error.msg[1:]} at {near!a}; correct it"
        case RecursionError():
            return "is nested too deeply; an item holds a list at most"
        case _FlawError():
            return str(error)
    return "has a number with too many digits; correct it"


class _Reader:
    """Reads a text item by item."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._line, self._counted_to = 1, 0
        self._is_open = False
        """Whether an earlier item has an unclosed bracket, so that counting brackets cannot find the end of an item."""

    def items(self) -> Iterator[RawItem]:
        """Every item, in order.

        Raises:
            BadBodyError: there is neither an item nor a list of items.

        """
        start = self._blanks(0)
        if self._text.startswith("[", start):
            end = yield from self._list(start)
        elif (inner := self._indicators(start)) is not None:
            end = yield from self._list(inner)
            end = self._rest_of_object(end)
        else:
            value, end = self._whole(start)
            yield RawItem(self._line_at(start), value)
        if (rest := self._blanks(end)) < len(self._text):
            yield RawItem(self._line_at(rest), flaw="stands behind the end; give one list, or say Content-Type: "
                        "application/x-ndjson for one item a line")  # fmt: skip

    def _whole(self, start: int) -> tuple[object, int]:
        try:
            value, end = _DECODER.raw_decode(self._text, start)
        except (ValueError, RecursionError) as error:
            raise BadBodyError(f"the body {_why(error)}") from error
        if not isinstance(value, dict) or "value" not in value:
            raise BadBodyError(_SHAPE)
        if not is_utf8(self._text[start:end]):
            raise BadBodyError(f"the body {NOT_UTF8}")
        return value, end

    def _indicators(self, start: int) -> int | None:
        """Where the list named `indicators` begins, if the body is an object with one before any `value`."""
        at = start
        while self._text[at : at + 1] == ("{" if at == start else ","):
            try:
                name, at = _DECODER.raw_decode(self._text, self._blanks(at + 1))
                at = self._blanks(at)
                if not self._text.startswith(":", at) or name == "value":
                    return None
                at = self._blanks(at + 1)
                if name == "indicators":
                    return at if self._text.startswith("[", at) else None
                at = self._blanks(_DECODER.raw_decode(self._text, at)[1])
            except (ValueError, RecursionError):
                return None
        return None

    def _rest_of_object(self, at: int) -> int:
        """Where the object around the list ends; `at` if that is unknown."""
        at = self._blanks(at)
        if self._text.startswith("}", at) or at >= len(self._text):
            return at + 1
        try:
            more, end = _DECODER.raw_decode("{" + self._text[at + 1 :])
        except (ValueError, RecursionError):
            return at
        return at if "indicators" in more else at + end

    def _list(self, at: int) -> Generator[RawItem, None, int]:
        """Yields the items of the list that begins at `at`, and returns where it ends. Accepts missing commas."""
        at = self._blanks(at + 1)
        while at < len(self._text):
            if self._text.startswith("]", at):
                return at + 1
            item, at = self._element(at)
            yield item
            at = self._blanks(at)
            if self._text.startswith(",", at):
                at = self._blanks(at + 1)
            elif at >= len(self._text) and item.flaw:
                return at
        yield RawItem(self._line_at(at), flaw="the list has no end; if the body was cut short, push the rest of it")
        return at

    def _element(self, start: int) -> tuple[RawItem, int]:
        line = self._line_at(start)
        try:
            value, end = self._decode(start)
        except (ValueError, RecursionError) as error:
            return RawItem(line, flaw=_why(error)), self._end_of_unreadable(start)
        if not is_utf8(self._text[start:end]):
            return RawItem(line, flaw=NOT_UTF8), end
        return RawItem(line, value), end

    def _decode(self, start: int) -> tuple[object, int]:
        few, most = _WINDOWS
        try:
            value, length = _DECODER.raw_decode(self._text[start : start + few])
        except (ValueError, RecursionError):
            if start + few >= len(self._text):
                raise
            value, length = _DECODER.raw_decode(self._text[start : start + most])
        return value, start + length

    def _end_of_unreadable(self, start: int) -> int:
        """The end of an unreadable item: where its brackets match, or else before what looks like the next item."""
        line_end = self._text.find("\n", start)
        end = self._matching(start, line_end if self._is_open and line_end >= 0 else len(self._text))
        if end is not None:
            return end
        self._is_open = True
        found = _NEXT_OBJECT.search(self._text, start)
        return len(self._text) if found is None else found.start()

    def _matching(self, start: int, stop: int) -> int | None:
        """Where the comma or bracket behind the item is, if it comes before `stop`."""
        open_ = list[str]()
        for token in _TOKEN.finditer(self._text, start, stop):
            sign = token[0]
            if not open_ and sign in ",]":
                return token.start()
            if sign in "[{":
                open_.append(sign)
            elif sign in "]}" and open_ and open_.pop() + sign not in {"[]", "{}"}:
                return None
        return None

    def _blanks(self, at: int) -> int:
        found = _BLANKS.match(self._text, at)
        return found.end() if found else at

    def _line_at(self, at: int) -> int:
        self._line += self._text.count("\n", self._counted_to, at)
        self._counted_to = at
        return self._line
