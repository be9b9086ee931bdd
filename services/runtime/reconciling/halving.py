"""One bad member must not fail its batch: what the vendor refuses whole is halved until the culprits stand alone."""

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from services.runtime.vendors.errors import RefusedError

HOPELESS: Final = 8
"""So many refused alone and none taken: it is not a matter of members. The rest is not tried."""

T = TypeVar("T")


def by_halves(
    entries: Sequence[T],
    send: Callable[[Sequence[T]], None],
    alone: Callable[[T, RefusedError], None],
    untried: Callable[[Sequence[T], RefusedError], None],
    statuses: frozenset[int],
) -> None:
    """Send all; `alone` gets each one that is refused by itself, `untried` those that were given up unsent.

    Raises:
        RefusedError: with a status that is none of `statuses`, so a matter of the whole connection.
        VendorError: whatever else `send` raises.

    """
    parts, refusals, taken = [entries], 0, False
    while parts:
        part = parts.pop()
        try:
            send(part)
            taken = True
        except RefusedError as error:
            if error.status not in statuses:
                raise
            if len(part) > 1:
                middle = len(part) // 2
                parts += [part[middle:], part[:middle]]
                continue
            alone(part[0], error)
            refusals += 1
            if refusals >= HOPELESS and not taken and parts:
                untried([entry for rest in reversed(parts) for entry in rest], error)
                return
