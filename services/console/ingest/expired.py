"""Marks pushed items that have expired already: they are accepted, but shared nowhere."""

from dataclasses import replace
from datetime import timedelta

from schemas.moment import expiry, shifted
from schemas.record import Millis
from schemas.report import Verb
from services.console.ingest.items import JudgedItem

ALREADY_EXPIRED = "already_expired"


def with_expiry(judged: JudgedItem, aging: timedelta | None, now: Millis) -> JudgedItem:
    """The item, with a reason if it has expired by its own date or by `aging` of its source (None: no aging)."""
    report = judged.report
    if report is None or report.verb is Verb.WITHDRAW:
        return judged
    ends, why = expiry(report.expires_at), "expires_at has passed"
    if report.expires_at is None and aging is not None:
        ends = expiry(shifted(report.last_seen, int(aging.total_seconds() * 1000)))
        why = "last_seen is longer ago than spec.aging of the source"
    if ends is None or ends > now:
        return judged
    detail = f"{why}, so it is shared nowhere unless the source has seen it since"
    return replace(
        judged, reason=judged.reason or ALREADY_EXPIRED, detail="; ".join(filter(None, (judged.detail, detail)))
    )
