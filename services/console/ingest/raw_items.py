"""What a body gives, item by item, before anything is known about its meaning."""

import re
from dataclasses import dataclass

_NOT_UTF8 = re.compile("[\udc80-\udcff]")
NOT_UTF8 = "has bytes that are not UTF-8 text; save it as UTF-8"


class BadBodyError(ValueError):
    """The body as a whole cannot be read, or holds too much; says what to do."""


@dataclass(frozen=True, slots=True)
class RawItem:
    """One item of a body: where it begins, and what it says or why it cannot be read."""

    line: int
    """The line of the body in which it begins, from 1."""
    value: object = None
    flaw: str | None = None
    """What is wrong and what to do, where it cannot be read."""


def is_utf8(text: str) -> bool:
    """Whether no byte of `text` was unreadable when the body was decoded."""
    return _NOT_UTF8.search(text) is None
