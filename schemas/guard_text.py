"""What surrounds the values of an entry and is no part of them: comments, bullets, quotes, brackets, separators."""

import re

from schemas._canonical_tidy import tidy

_COMMENT = re.compile(r"(?:^|(?<=\s))#.*$", re.MULTILINE)
_BULLET = re.compile(r"^\s*[-•*]\s+", re.MULTILINE)
_SEPARATOR = re.compile(r"[\s,;|]+")
_BRACKETS = {"[": "]", "(": ")", "{": "}", "<": ">"}
_STRAY = "\"'`"


def undress(given: str) -> tuple[str, list[str]]:
    """The text of an entry without what surrounds it, and the pieces that it is made of where it is a list."""
    text = _bare(_BULLET.sub("", _COMMENT.sub("", given)))
    return text, [piece for one in _SEPARATOR.split(text) if (piece := _bare(one.strip(_STRAY)))]


def _bare(text: str) -> str:
    """The text without blanks, quotes and brackets that enclose the whole of it."""
    text = tidy(text)
    while len(text) > 1 and _BRACKETS.get(text[0]) == text[-1] and not set(text[1:-1]) & {text[0], text[-1]}:
        text = tidy(text[1:-1])
    return text
