"""The items of a body before validation."""

import re
from dataclasses import dataclass

_NOT_UTF8 = re.compile("[\udc80-\udcff]")
NOT_UTF8 = "has bytes that are not UTF-8 text; save it as UTF-8"


class BadBodyError(ValueError):
    """The body cannot be read as a whole, or holds too much; the text says what to do."""


@dataclass(frozen=True, slots=True)
class RawItem:
    """One item of a body: its line, and its value or its flaw."""

    line: int
    """The line of the body in which it begins, from 1."""
    value: object = None
    flaw: str | None = None
    """Why it cannot be read and what to do; None if it can be."""


def is_utf8(text: str) -> bool:
    """Whether no byte of `text` was unreadable when the body was decoded."""
    return _NOT_UTF8.search(text) is None
