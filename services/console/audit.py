"""Activity records that name who changed what. They are written in the transaction of the change itself."""

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
    """Records for `ioc.activity`, split so that each holds at most MAX_ITEMS. `items` are subjects and results."""
    listed: Sequence[ActivityItem] = [ActivityItem(subject=subject, reason=result) for subject, result in items]
    counts = dict(Counter(item.reason for item in listed))
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
        for part in list(chunks(listed, MAX_ITEMS)) or [()]
    ]


def user() -> str:
    """The name of the user who runs this process."""
    try:
        return getuser()
    except (KeyError, OSError):  # a container may run under a uid without a name
        return f"uid {os.getuid()}"
