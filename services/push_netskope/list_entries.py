"""The text of an indicator's list entries: one entry, or a pair of entries that is one desired entry. Pure.

`evil.example` is one entry. `evil.example *.evil.example` is the pair that covers a domain and everything below it.
Both may name a further list of the target: `evil.example *.evil.example in <list>`. List entries have no spaces. The
`form` of an entry is the text of all its list entries, its `remote_id` the text of those that are ours.
"""

from collections.abc import Collection, Container, Iterable
from typing import Final

_IN: Final = " in "


def said_of(text: str, label: str) -> str:
    """The text with the label of its list; the first list has an empty label."""
    return f"{text}{_IN}{label}" if label else text


def split(text: str) -> tuple[str, str]:
    """A text without its list, and the label of the list (empty: the first)."""
    list_entries, _, label = text.partition(_IN)
    return list_entries, label


def entries_of(text: str) -> tuple[str, ...]:
    """The list entries of a text, each with its list: `a b in L` is `a in L` and `b in L`."""
    if " " not in text:
        return (text,)
    list_entries, label = split(text)
    return tuple(said_of(list_entry, label) for list_entry in list_entries.split(" "))


def text_of(list_entries: Iterable[str]) -> str | None:
    """The text of list entries of one list; None if there are none."""
    found = [split(list_entry) for list_entry in list_entries]
    return said_of(" ".join(list_entry for list_entry, _ in found), found[0][1]) if found else None


def all_of(texts: Iterable[str | None]) -> set[str]:
    """The list entries of all these texts."""
    found = set[str]()
    for text in texts:
        if text is not None:
            found.update(entries_of(text))
    return found


def united(text: str | None, more: Iterable[str]) -> str | None:
    """The text with further list entries of the same list."""
    before = entries_of(text) if text else ()
    return text_of(dict.fromkeys((*before, *more)))


def left_of(text: str | None, present: Container[str]) -> str | None:
    """The text of those list entries that are present; None if none is."""
    if text is None:
        return None
    return text_of(list_entry for list_entry in entries_of(text) if list_entry in present)


def is_whole(text: object, present: Container[str]) -> bool:
    """Whether every list entry of a text is present. False for anything but a text."""
    return isinstance(text, str) and all(list_entry in present for list_entry in entries_of(text))


def size_of(text: str, extra: int, without: Collection[str] = frozenset()) -> int:
    """Bytes of a text's list entries, with `extra` bytes for each; those in `without` count 0."""
    return sum(len(list_entry) + extra for list_entry in entries_of(text) if list_entry not in without)
