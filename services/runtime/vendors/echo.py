"""Removes from the text of a refusal what the vendor repeats of the request, so that only its own words are judged.

A vendor may repeat a value in quotes, in another case, percent-encoded, defanged or cut short, and
`internal.evil.example` does not mean an internal error. So a text is read word by word: a word with a dot, a slash or
the like inside is dropped, and so are the words of the request.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final
from unicodedata import normalize
from urllib.parse import unquote

_DOTS: Final = re.compile(r"[\[({<]\s*(?:\.|dot)\s*[\])}>]", re.IGNORECASE)
_QUOTES: Final = "\"'`\u2018\u2019\u201c\u201d\u00ab\u00bb\u2039\u203a"
_EDGES: Final = f"{_QUOTES}<>()[]{{}},;:!?.\u2026"
_NOT_PLAIN: Final = re.compile(r"[^\w'\u2019-]|\d{4,}")
_PARTS: Final = re.compile(r"[^a-z0-9]+")
_LONGEST: Final = 4_000
_SHORTEST_CUT: Final = 3
"""The least length at which the beginning of a value is recognised."""


def own_words(text: str, sent: Iterable[str], *, parts: bool = False, quoted: bool = False) -> str:
    """Return the vendor's own words in lower case. `sent` are the texts that the refusal may repeat.

    `parts`: also drop single words of `sent`, such as a label of a domain or the beginning of a value.
    `quoted`: also drop every single word in quotes; for requests that are too large to be given as `sent`.
    """
    stated = _plain(text[:_LONGEST]).split()
    sequences = [words for one in sent if (words := [_core(word) for word in _plain(one[:_LONGEST]).split()])]
    cores = [_core(word) for word in stated]
    dropped = {at for at, core in enumerate(cores) if not core or _NOT_PLAIN.search(core)}
    known = {word for words in sequences for word in words}
    dropped |= {at for at, word in enumerate(stated) if (quoted or cores[at] in known) and _is_quoted(word)}
    for words in sequences:
        dropped |= _repeated(cores, words)
    if parts:
        labels = {part for word in known for part in _PARTS.split(word) if part}
        dropped |= {at for at, core in enumerate(cores) if core in labels or _is_cut(core, known)}
    return " ".join(core for at, core in enumerate(cores) if at not in dropped)


def _plain(text: str) -> str:
    """Return a text decoded, refanged and in lower case."""
    for _ in range(2):
        text = unquote(text, errors="replace")
    text = _DOTS.sub(".", normalize("NFKC", text).casefold())
    return re.sub(r"\bhxxp", "http", text).replace("[:]", ":").replace("[://]", "://")


def _core(word: str) -> str:
    return word.strip(_EDGES)


def _is_quoted(word: str) -> bool:
    stripped = word.strip(".,;:!?")
    return len(stripped) > 1 and stripped[0] in _QUOTES + "<[(" and stripped[-1] in _QUOTES + ">])"


def _is_cut(core: str, known: Iterable[str]) -> bool:
    """Whether a word is the beginning of a sent value. A plain word is not a value."""
    long_enough = len(core) >= _SHORTEST_CUT
    return long_enough and any(word.startswith(core) for word in known if _NOT_PLAIN.search(word))


def _repeated(stated: Sequence[str], sent: Sequence[str]) -> set[int]:
    """Return the positions of words that repeat `sent`: all of it, or at least two words of it in a row."""
    places: dict[str, list[int]] = {}
    for at, word in enumerate(sent):
        places.setdefault(word, []).append(at)
    found: set[int] = set()
    for at, word in enumerate(stated):
        for place in places.get(word, ()):
            length = 1
            while (at + length < len(stated) and place + length < len(sent)
                   and stated[at + length] == sent[place + length]):  # fmt: skip
                length += 1
            if length >= min(2, len(sent)):
                found.update(range(at, at + length))
    return found
