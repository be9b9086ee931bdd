"""Something abnormal that waits for a person. Kept in `ioc.holds` by its id until it is over: confirmed, or gone."""

from enum import StrEnum
from hashlib import blake2b
from typing import Annotated

from pydantic import Field

from schemas.activity import ActivityItem
from schemas.record import Millis, Record

MAX_SAMPLE = 500


class HoldKind(StrEnum):
    """What was found abnormal."""

    LISTING_SHRANK = "listing_shrank"
    TARGET_WOULD_SHRINK = "target_would_shrink"
    TARGET_WOULD_SURGE = "target_would_surge"


LISTING = "listing"
"""The subject of a hold on what a source lists."""


def hold_id(connection: str, subject: str, kind: HoldKind) -> str:
    """The id of a hold: the same as long as it is about the same, short enough to be typed."""
    digest = blake2b(f"{connection}\x1f{subject}\x1f{kind}".encode(), digest_size=4).hexdigest()
    return f"{connection[:40].rstrip('-')}-{digest}"


class Hold(Record):
    """What is held. `subject` is `listing` or a target id; `sample` shows some of the `count` entries held."""

    id: str
    """What people call it by; see `hold_id`."""
    kind: HoldKind
    """What is abnormal about it."""
    service: str
    """The service that holds."""
    connection: str
    """The source or destination."""
    subject: str
    """`listing`, or the id of the target."""
    count: int
    """How many entries are held."""
    of: int
    """Out of how many."""
    limit_percent: int
    """The share beyond which it is abnormal."""
    since: Millis
    """Since when."""
    rejected: bool = False
    """Whether a person has said that it shall not go through."""
    sample: Annotated[tuple[ActivityItem, ...], Field(max_length=MAX_SAMPLE)] = ()
    """Some of the entries."""
