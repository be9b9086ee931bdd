"""Reads the changes that are held until a person decides."""

from collections.abc import Iterable

from schemas.hold import Hold
from schemas.record import UndecodableError
from services.console.resources.planning import NotFoundError
from services.runtime.kafka.bulk_read import latest
from services.runtime.settings import Settings


def read_holds(settings: Settings) -> list[Hold]:
    """All current holds, oldest first. Ignores records of a newer version."""
    return decoded(latest(settings, settings.topics.holds.name).values())


def decoded(values: Iterable[bytes]) -> list[Hold]:
    """The holds of these records, oldest first. Ignores records of a newer version."""
    found = []
    for value in values:
        try:
            found.append(Hold.decode(value))
        except UndecodableError:
            continue
    return sorted(found, key=lambda hold: (hold.since, hold.id))


def find_hold(settings: Settings, name: str) -> Hold:
    """The hold with an id.

    Raises:
        NotFoundError: there is no such hold.

    """
    for hold in read_holds(settings):
        if hold.id == name:
            return hold
    raise NotFoundError(f"there is no hold {name}; `ioc-bridge holds` lists them")
