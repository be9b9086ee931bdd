"""Halving: a refused batch is split until the refused entries stand alone, so that one does not fail the others."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final, Generic, NamedTuple, TypeVar

from services.runtime.vendors.errors import RefusedError

HOPELESS: Final = 8
"""After so many single refusals and no success, the cause is not in single entries; the rest is not tried."""

T = TypeVar("T")


class RefusedPart(NamedTuple, Generic[T]):
    """Entries that the vendor did not take: one that was refused alone, or the rest, which was not tried."""

    members: Sequence[T]
    error: RefusedError
    is_tried: bool


def by_halves(
    entries: Sequence[T], send: Callable[[Sequence[T]], None], statuses: frozenset[int]
) -> Iterator[RefusedPart[T]]:
    """Send all entries, part by part, and yield the refused ones. Sends only as far as the caller iterates.

    Raises:
        RefusedError: its status is none of `statuses`, so it concerns the whole connection.
        VendorError: any other error of `send`.

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
            refusal = error
        else:
            continue
        if len(part) > 1:
            middle = len(part) // 2
            parts += [part[middle:], part[:middle]]
            continue
        yield RefusedPart(part, refusal, is_tried=True)
        refusals += 1
        if refusals >= HOPELESS and not taken and parts:
            yield RefusedPart([entry for rest in reversed(parts) for entry in rest], refusal, is_tried=False)
            return
