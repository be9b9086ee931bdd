"""Entries of guards with their meanings or flaws, as `apply` and `describe` show them."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from schemas import warning_lists
from schemas.guard_entries import AllowField, EntryError, read_entry, read_suffix
from schemas.guard_meaning import describe
from schemas.resources.guard import Guard


@dataclass(frozen=True, slots=True)
class ExplainedEntry:
    """An entry, its path in the resource, and either its meaning or its flaw: what is wrong and what to do."""

    path: tuple[str, ...]
    text: str
    meaning: str = ""
    flaw: str | None = None

    @property
    def place(self) -> tuple[str | int, ...]:
        """The path, with list positions as numbers."""
        return tuple(int(part) if part.isdigit() else part for part in self.path)


def entries_of(guard: Guard) -> Iterator[ExplainedEntry]:
    """The entries of a guard, field by field, without expressions: those are checked like expressions of rules."""
    for field, texts in guard.spec.allow.listed().items():
        read = partial(_allowed, AllowField(field))
        yield from (_explain(("allow", field, str(number)), text, read) for number, text in enumerate(texts))
    for number, text in enumerate(guard.spec.share_suffixes):
        yield _explain(("shareSuffixes", str(number)), text, _shared)
    for number, name in enumerate(guard.spec.warning_lists):
        yield _explain(("warningLists", str(number)), name, _warning_list)


def flawed_entries(guards: Iterable[Guard]) -> Iterator[tuple[str, ExplainedEntry]]:
    """Invalid entries of guards, which block nothing, with the guard's name.

    `apply` refuses such entries. An older release stored them, or the installed warning lists lack them.
    """
    for guard in guards:
        yield from ((guard.name, entry) for entry in entries_of(guard) if entry.flaw is not None)


def _explain(path: tuple[str, ...], text: str, read: Callable[[str], str]) -> ExplainedEntry:
    try:
        return ExplainedEntry(("spec", *path), text, read(text))
    except EntryError as error:
        return ExplainedEntry(("spec", *path), text, flaw=str(error))


def _allowed(field: AllowField, text: str) -> str:
    return describe(read_entry(field, text))


def _shared(text: str) -> str:
    return f"{read_suffix(text)} itself may be shared"


def _warning_list(name: str) -> str:
    if (flaw := warning_lists.flaw(name)) is not None:
        raise EntryError(flaw)
    return f"what the MISP warning list {name} names"
