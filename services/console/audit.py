"""Who did what, for `ioc.activity`. Told in the transaction of the change itself: never one without the other."""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from getpass import getuser

from schemas.activity import MAX_ITEMS, Activity, ActivityItem
from schemas.level import Level
from services.runtime.chunks import chunks
from services.runtime.clock import now_ms
from services.runtime.kafka.transactional_producer import OutgoingRecord
from services.runtime.settings import Settings

SERVICE = "console"
CHANGED, ASKED_SYNC, ASKED_RETRY, CORRECTED = "policy_changed", "sync_asked", "retry_asked", "entry_corrected"
ASKED_RECONCILE = "reconcile_asked"


def entries(settings: Settings, code: str, message: str, items: Iterable[tuple[str, str]]) -> list[OutgoingRecord]:
    """Records that tell it. `items` are subjects, and what became of each."""
    told: Sequence[ActivityItem] = [ActivityItem(subject=subject, reason=what) for subject, what in items]
    counts = dict(Counter(item.reason for item in told))
    return [
        OutgoingRecord(
            settings.topics.activity.name,
            None,
            Activity(
                at=now_ms(),
                service=SERVICE,
                level=Level.INFO,
                code=code,
                message=message,
                counts=counts,
                items=tuple(part),
            ).encode(),
        )
        for part in list(chunks(told, MAX_ITEMS)) or [()]
    ]


def user() -> str:
    """Who runs this process."""
    try:
        return getuser()
    except (KeyError, OSError):  # a container may run as somebody who has no name
        return f"uid {os.getuid()}"
