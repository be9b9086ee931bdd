"""Cleans the text of a guard entry: removes comments and bullets, and splits lists of values."""

import re

from schemas._canonical_tidy import tidy

_COMMENT = re.compile(r"(?:^|(?<=\s))#.*$", re.MULTILINE)
_BULLET = re.compile(r"^\s*[-•*]\s+", re.MULTILINE)
_SEPARATOR = re.compile(r"[\s,;|]+")


def undress(given: str) -> tuple[str, list[str]]:
    """The text of an entry without comments, bullets and quotes, and the pieces if it is a list."""
    text = tidy(_BULLET.sub("", _COMMENT.sub("", given)))
    return text, [piece for one in _SEPARATOR.split(text) if (piece := tidy(one))]
