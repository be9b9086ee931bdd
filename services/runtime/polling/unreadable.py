"""Rows and alerts that fail for an unforeseen reason: skipped and listed in the activity."""

from typing import Final, TypeVar

from schemas.activity import ActivityItem
from schemas.deadletter import DeadLetter
from schemas.record import Record

_SUBJECT: Final = 200
_R = TypeVar("_R", bound=Record)


def unreadable(reason: str, subject: str, error: Exception) -> ActivityItem:
    """Return the activity item of such a row, with the puller's reason code."""
    named = subject[:_SUBJECT].encode(errors="backslashreplace").decode()
    return ActivityItem(subject=named, reason=reason, detail=f"{type(error).__name__}: {DeadLetter.text_of(error)}")


def writable(record: _R) -> _R:
    """Return the record. Raises TypeError if it has text that UTF-8 cannot encode."""
    record.encode()
    return record


def without_surrogates(text: str) -> str:
    """Return the text with a question mark for each lone surrogate, which JSON can hold and UTF-8 cannot."""
    return text if text.isascii() else text.encode(errors="replace").decode()
