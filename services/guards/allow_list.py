"""An index of a team's allow list by value. The guard set evaluates `allow.cel`."""

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
    """An entry: its text, its position in the guard, and its meanings."""

    field: AllowField
    number: int
    text: str
    meanings: tuple[Meaning, ...]

    @property
    def path(self) -> tuple[str | int, ...]:
        """The path of the field in the resource."""
        return ("spec", "allow", self.field.value, self.number)


class AllowListIndex:
    """Values, domains and networks of one allow list.

    Ignores entries without a meaning: `apply` refuses them, older releases stored them, `flawed_entries` names them.
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
        """Return the entry that allows the observable, or None. Faster than the first of `find_all`."""
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
        """Yield every entry that allows the observable; of entries with the same meaning, the first."""
        if (found := self._values.get(indicator_id(observable.type, observable.value))) is not None:
            yield found
        if observable.address is not None:
            yield from self._networks.find_all(observable.address)
        name = observable.name or ""
        while name:
            if (found := self._domains.get(name)) is not None:
                yield found
            name = name.partition(".")[2]
