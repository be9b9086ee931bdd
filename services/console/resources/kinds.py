"""Kinds as people type them: `sharing`, `sharings`, `Sharing`; `all` stands for every kind."""

from schemas.resources import KINDS

EVERY = "all"
PASSING = ("Verdict", "Reconciliation")
"""Kinds that are no part of a configuration: they count for an hour. `all` leaves them out."""


def plural(kind: str) -> str:
    """The kind in lower case and plural."""
    word = kind.lower()
    return f"{word[:-1]}ies" if word.endswith("y") else f"{word}s"


PLURALS = {plural(kind): kind for kind in KINDS}


class UnknownKindError(Exception):
    """There is no such kind; the text says which there are."""


def kinds_of(text: str) -> tuple[str, ...]:
    """The kinds that a word means.

    Raises:
        UnknownKindError: none.

    """
    return tuple(kind for kind in KINDS if kind not in PASSING) if text.lower() == EVERY else (kind_of(text),)


def kind_of(text: str) -> str:
    """The kind that a word means, in singular or plural.

    Raises:
        UnknownKindError: none.

    """
    for many, kind in PLURALS.items():
        if text.lower() in (kind.lower(), many):
            return kind
    raise UnknownKindError(f"{text} is not a kind of resource; the kinds are {', '.join(PLURALS)}")
