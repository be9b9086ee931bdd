"""One bad member must not fail its batch: what the vendor refuses whole is halved until the culprits stand alone."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final, Generic, NamedTuple, TypeVar

from services.runtime.vendors.errors import RefusedError

HOPELESS: Final = 8
"""So many refused alone and none taken: it is not a matter of members. The rest is not tried."""

T = TypeVar("T")


class RefusedPart(NamedTuple, Generic[T]):
    """Members that the vendor did not take: one that was refused alone, or the rest, given up without a try."""

    members: Sequence[T]
    error: RefusedError
    is_tried: bool


def by_halves(
    entries: Sequence[T], send: Callable[[Sequence[T]], None], statuses: frozenset[int]
) -> Iterator[RefusedPart[T]]:
    """Send all, part by part; yields what is not taken. Nothing is sent beyond the part that was last asked for.

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
