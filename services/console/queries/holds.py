"""What guards hold until a person has looked at it."""

from collections.abc import Iterable

from schemas.hold import Hold
from schemas.record import UndecodableError
from services.console.resources.planning import NotFoundError
from services.runtime.kafka.bulk_read import latest
from services.runtime.settings import Settings


def read_holds(settings: Settings) -> list[Hold]:
    """Everything that is held now, the oldest first. What a newer version holds is left to that."""
    return decoded(latest(settings, settings.topics.holds.name).values())


def decoded(values: Iterable[bytes]) -> list[Hold]:
    """The holds of these records, the oldest first. What a newer version holds is left to that."""
    found = []
    for value in values:
        try:
            found.append(Hold.decode(value))
        except UndecodableError:
            continue
    return sorted(found, key=lambda hold: (hold.since, hold.id))


def find_hold(settings: Settings, name: str) -> Hold:
    """The hold of an id.

    Raises:
        NotFoundError: nothing of that id is held now.

    """
    for hold in read_holds(settings):
        if hold.id == name:
            return hold
    raise NotFoundError(f"nothing is held under {name}; `ioc-bridge holds` lists what is")
