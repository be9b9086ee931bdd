"""Kinds of resources as people type them: `sharing`, `sharings`, `Sharing`; `all` means every kind."""

from schemas.resources import KINDS

EVERY = "all"
PASSING = ("Verdict", "Reconciliation")
"""Kinds that are valid for an hour only and not part of a configuration. `all` does not include them."""


def plural(kind: str) -> str:
    """The kind in lower case and plural."""
    word = kind.lower()
    return f"{word[:-1]}ies" if word.endswith("y") else f"{word}s"


PLURALS = {plural(kind): kind for kind in KINDS}


class UnknownKindError(Exception):
    """There is no such kind; the text lists the kinds."""


def kinds_of(text: str) -> tuple[str, ...]:
    """The kinds that `text` means.

    Raises:
        UnknownKindError: there is no such kind.

    """
    return tuple(kind for kind in KINDS if kind not in PASSING) if text.lower() == EVERY else (kind_of(text),)


def kind_of(text: str) -> str:
    """The kind that `text` means, in singular or plural.

    Raises:
        UnknownKindError: there is no such kind.

    """
    for many, kind in PLURALS.items():
        if text.lower() in (kind.lower(), many):
            return kind
    raise UnknownKindError(f"{text} is not a kind of resource; the kinds are {', '.join(PLURALS)}")
