"""Tidying: removes blanks, quotes, brackets and closing punctuation around a value.

Characters that a canonical value can begin or end with stay, so tidying never changes a canonical value. A path, query
or fragment may end with most punctuation (RFC 3986): there, only characters that no URL holds unencoded are removed.
"""

import re
from collections.abc import Mapping
from unicodedata import category

SPACES = "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)
INVISIBLE = "\xad\u034f\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\ufeff" + "".join(
    map(chr, [*range(0x2060, 0x2070), *range(0xFE00, 0xFE10), *range(0xFFF9, 0xFFFC)])
)
_EDGE = SPACES + INVISIBLE
_STOPS = ".,;:!?、。，．；：！？｡､"
_ASCII_QUOTES = "\"'`"
_PAIRS = {'"': '"', "'": "'", "`": "`'", "(": ")", "[": "]", "{": "}", "<": ">"}
_OPENERS = {")": "(", "]": "[", "}": "{", ">": "<"}
_WRAPPING = frozenset({"Ps", "Pe", "Pi", "Pf"})
_PATH = re.compile(r"[/?#\\]")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/+")
_LAYERS = 20
"""Most layers of quotes and brackets that are removed: limits the time for a hostile text."""

_LONGEST = 16_384
"""Longest text that is tidied, characters: twice the limit of a value."""


def tidy(raw: str) -> str:
    """Return `raw` without what surrounds its value. Removes at most 20 layers of quotes and brackets."""
    text = raw.strip(_EDGE)
    for _ in range(_LAYERS if len(text) <= _LONGEST else 0):
        if not text or (text[0].isalnum() and (text[-1].isalnum() or text[-1] == "/")):
            break
        shorter = _without_layer(text).strip(_EDGE)
        if shorter == text:
            break
        text = shorter
    return text


def without_quotes(host: str) -> str:
    """Return `host` without quotes and typographic brackets at its ends."""
    start, end = 0, len(host)
    while start < end and is_wrapping(host[start]):
        start += 1
    while start < end and is_wrapping(host[end - 1]):
        end -= 1
    return host[start:end]


def is_wrapping(character: str) -> bool:
    """Whether it is a quote or a typographic bracket of any script. ASCII brackets are not: some hosts have them."""
    if character.isascii():
        return character in _ASCII_QUOTES
    return category(character) in _WRAPPING or character in "´″＂＇＜＞"


def _without_layer(text: str) -> str:
    first, last = text[0], text[-1]
    closers = _PAIRS.get(first, ())
    bare = text.rstrip(_STOPS)
    if len(bare) > 1 and _is_pair(first, bare[-1]) and _is_nested(bare[1:-1], first, bare[-1]):
        return bare[1:-1]
    if is_wrapping(first) or (closers and not any(closer in text for closer in closers)):
        return text[1:]
    if (last in '">' or not last.isascii()) and _is_odd(text, last):
        return text[:-1]
    return _without_closing(text)


def _is_pair(first: str, last: str) -> bool:
    """Whether the two may surround a value. Typographic quotes pair in any direction, as languages differ."""
    if first.isascii() or last.isascii():
        return last in _PAIRS.get(first, ())
    return is_wrapping(first) and is_wrapping(last)


def _is_nested(inner: str, opener: str, closer: str) -> bool:
    """Whether the brackets in `inner` are balanced, so that the pair around it belongs together."""
    if opener not in _OPENERS.values():
        return True
    depth = 0
    for character in inner:
        depth += (character == opener) - (character == closer)
        if depth < 0:
            return False
    return depth == 0


def _is_odd(text: str, last: str) -> bool:
    """Whether a closing quote or bracket at the end closes nothing that the value opens. No URL holds one unencoded."""
    if last == '"':
        return text.count('"') % 2 == 1
    if last == ">":
        return text.count(">") > text.count("<")
    return is_wrapping(last) and sum(not one.isascii() and is_wrapping(one) for one in text) % 2 == 1


def _without_closing(text: str) -> str:
    """Return `text` without closing punctuation, if it is only a host, an address or a hash."""
    surplus = {closer: text.count(closer) - text.count(opener) for closer, opener in _OPENERS.items()}
    end = len(text)
    while end and _is_closing(text, end, surplus):
        end -= 1
        if text[end] in surplus:
            surplus[text[end]] -= 1
    bare = text[:end]
    scheme = _SCHEME.match(bare)
    return text if _PATH.search(bare, scheme.end() if scheme else 0) else bare


def _is_closing(text: str, end: int, surplus: Mapping[str, int]) -> bool:
    last = text[end - 1]
    if last == ":":  # an IPv6 address may end in two
        return not text.endswith("::", 0, end) or text.endswith(":::", 0, end)
    if last == ".":  # a value that was cut short ends in several
        return not text.endswith("..", 0, end)
    if last in surplus:
        return surplus[last] > 0
    return last in _STOPS or last in _EDGE or is_wrapping(last)
