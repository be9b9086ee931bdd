"""Holds: abnormal changes that wait for a person. Kept in `ioc.holds` until confirmed or no longer due."""

from enum import StrEnum
from hashlib import blake2b
from typing import Annotated

from pydantic import Field

from schemas.activity import ActivityItem
from schemas.record import Millis, Record

MAX_SAMPLE = 500


class HoldKind(StrEnum):
    """Kinds of abnormal changes."""

    LISTING_SHRANK = "listing_shrank"
    TARGET_WOULD_SHRINK = "target_would_shrink"
    TARGET_WOULD_SURGE = "target_would_surge"


LISTING = "listing"
"""The subject of a hold on a source's listing."""


def hold_id(connection: str, subject: str, kind: HoldKind) -> str:
    """The id of a hold: stable for the same subject and kind, and short enough to type."""
    digest = blake2b(f"{connection}\x1f{subject}\x1f{kind}".encode(), digest_size=4).hexdigest()
    return f"{connection[:40].rstrip('-')}-{digest}"


class Hold(Record):
    """A held change. `subject` is `listing` or a target id; `sample` has some of the `count` held entries."""

    id: str
    """Id of the hold; see `hold_id`."""
    kind: HoldKind
    """Why it is held."""
    service: str
    """The service that holds it."""
    connection: str
    """The source or destination."""
    subject: str
    """`listing`, or the id of the target."""
    count: int
    """Number of held entries."""
    of: int
    """Number of entries that were there before."""
    limit_percent: int
    """The percentage above which a change is held."""
    since: Millis
    """When the hold began."""
    rejected: bool = False
    """Whether a person has rejected the change."""
    sample: Annotated[tuple[ActivityItem, ...], Field(max_length=MAX_SAMPLE)] = ()
    """Some of the held entries."""
