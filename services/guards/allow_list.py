"""A team's allow list, made ready to be asked by value. `allow.cel` is the guard set's to ask."""

from collections.abc import Iterator
from dataclasses import dataclass

from schemas.canonical import indicator_id
from schemas.guard_entries import AllowField, EntryError, read_entry
from schemas.guard_meaning import Below, Exactly, Meaning, Within
from schemas.resources.guard import AllowList
from services.guards.cidr_index import CidrIndex
from services.guards.observable import Observable


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry as the team wrote it, where it stands in the guard, and what it means."""

    field: AllowField
    number: int
    text: str
    meanings: tuple[Meaning, ...]

    @property
    def path(self) -> tuple[str | int, ...]:
        """The field in the resource."""
        return ("spec", "allow", self.field.value, self.number)


class AllowListIndex:
    """Values, domains and networks of one list.

    An entry without a meaning, which `apply` refuses, keeps nothing back where an older release has stored it;
    `flawed_entries` names it.
    """

    def __init__(self, allow: AllowList) -> None:
        self.entries: list[Entry] = []
        self._values: dict[str, Entry] = {}
        self._domains: dict[str, Entry] = {}
        self._networks = CidrIndex[Entry]()
        for field, texts in allow.listed().items():
            for number, text in enumerate(texts):
                self._add(AllowField(field), number, text)

    def _add(self, field: AllowField, number: int, text: str) -> None:
        try:
            entry = Entry(field, number, text, read_entry(field, text))
        except EntryError:
            return
        self.entries.append(entry)
        for meaning in entry.meanings:
            match meaning:
                case Exactly():
                    self._values.setdefault(meaning.indicator.id, entry)
                case Below():
                    self._domains.setdefault(meaning.name, entry)
                case Within():
                    for network in meaning.networks:
                        self._networks.add(network, entry)

    def find(self, observable: Observable) -> Entry | None:
        """The entry that allows this, None when none does: the first that `find_all` names, in less time."""
        if self._values and (found := self._values.get(indicator_id(observable.type, observable.value))) is not None:
            return found
        if observable.address is not None:
            return self._networks.find(observable.address)
        return self._find_domain(observable.name) if observable.name and self._domains else None

    def _find_domain(self, name: str) -> Entry | None:
        while name:
            if (found := self._domains.get(name)) is not None:
                return found
            name = name.partition(".")[2]
        return None

    def find_all(self, observable: Observable) -> Iterator[Entry]:
        """Every entry that allows this; of entries that mean the same, the first."""
        if (found := self._values.get(indicator_id(observable.type, observable.value))) is not None:
            yield found
        if observable.address is not None:
            yield from self._networks.find_all(observable.address)
        name = observable.name or ""
        while name:
            if (found := self._domains.get(name)) is not None:
                yield found
            name = name.partition(".")[2]
