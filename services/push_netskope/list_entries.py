"""The text that stands for an indicator in a list: one entry, or a pair of entries that is one desired entry. Pure.

`evil.example` is one entry. `evil.example *.evil.example` is the pair that covers a domain and what is below it. Either
may be in a further list of a target: `evil.example *.evil.example in <list>`. No entry has a space in it. An item's
`form` is such a text of all its entries, its `remote_id` one of those entries that are ours.
"""

from collections.abc import Collection, Container, Iterable
from typing import Final

_IN: Final = " in "


def said_of(text: str, label: str) -> str:
    """A text, as the part of this label says it."""
    return f"{text}{_IN}{label}" if label else text


def split(text: str) -> tuple[str, str]:
    """A text without its list, and the label of that list (empty: the first)."""
    list_entries, _, label = text.partition(_IN)
    return list_entries, label


def entries_of(text: str) -> tuple[str, ...]:
    """The entries of a text, each as the part says it: `a b in L` is `a in L` and `b in L`."""
    if " " not in text:
        return (text,)
    list_entries, label = split(text)
    return tuple(said_of(list_entry, label) for list_entry in list_entries.split(" "))


def text_of(list_entries: Iterable[str]) -> str | None:
    """The text of entries of one list; None where there is none."""
    found = [split(list_entry) for list_entry in list_entries]
    return said_of(" ".join(list_entry for list_entry, _ in found), found[0][1]) if found else None


def all_of(texts: Iterable[str | None]) -> set[str]:
    """The entries of all these texts."""
    found = set[str]()
    for text in texts:
        if text is not None:
            found.update(entries_of(text))
    return found


def united(text: str | None, more: Iterable[str]) -> str | None:
    """The text with further entries of the same list."""
    before = entries_of(text) if text else ()
    return text_of(dict.fromkeys((*before, *more)))


def left_of(text: str | None, present: Container[str]) -> str | None:
    """What of a text is among the entries that are present; None where nothing is."""
    if text is None:
        return None
    return text_of(list_entry for list_entry in entries_of(text) if list_entry in present)


def is_whole(text: object, present: Container[str]) -> bool:
    """Whether every entry of a text is present. What is no text is not."""
    return isinstance(text, str) and all(list_entry in present for list_entry in entries_of(text))


def size_of(text: str, extra: int, without: Collection[str] = frozenset()) -> int:
    """Bytes of a text's entries, with `extra` for each; those in `without` take none."""
    return sum(len(list_entry) + extra for list_entry in entries_of(text) if list_entry not in without)
