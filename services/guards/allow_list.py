"""A team's allow list, made ready to be asked by value. What its expressions say is the guard_set's to ask."""

from schemas.canonical import Refused, canonicalise, indicator_id
from schemas.resources.guard import AllowList
from schemas.types import IndicatorType
from services.guards.cidr_index import CidrIndex
from services.guards.observable import Observable


class Allowed:
    """Values, domains and networks of one list. What cannot be read allows nothing; `apply` refuses it."""

    def __init__(self, allow: AllowList) -> None:
        self._values = {found: given for given in allow.values if (found := _id(given)) is not None}
        self._domains = {_name(given): given for given in allow.domains}
        self._networks = CidrIndex()
        for given in allow.networks:
            self._networks.add_text(given, given)

    def find(self, observable: Observable) -> str | None:
        """The entry that allows this, as the team wrote it; None when none does."""
        if self._values and (found := self._values.get(indicator_id(observable.type, observable.value))) is not None:
            return found
        if observable.address is not None:
            return self._networks.find(observable.address)
        return self._find_domain(observable.name) if observable.name and self._domains else None

    def _find_domain(self, name: str) -> str | None:
        while name:
            if (found := self._domains.get(name)) is not None:
                return found
            name = name.partition(".")[2]
        return None


def _id(given: str) -> str | None:
    try:
        return canonicalise(given).id
    except Refused:
        return None


def _name(given: str) -> str:
    """A domain in canonical form. `*.` and `.` before it are how people write that all below is meant, which it is."""
    bare = given.strip().removeprefix("*").removeprefix(".")
    try:
        return canonicalise(bare, IndicatorType.DOMAIN).value
    except Refused:
        return bare.rstrip(".").lower()  # a top-level domain of one's own, say
