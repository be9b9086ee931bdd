"""What a vendor's row or alert becomes that cannot be read for a reason that was not foreseen: skipped, and listed."""

from typing import Final, TypeVar

from schemas.activity import ActivityItem
from schemas.deadletter import DeadLetter
from schemas.record import Record

_SUBJECT: Final = 200
_R = TypeVar("_R", bound=Record)


def unreadable(reason: str, subject: str, error: Exception) -> ActivityItem:
    """The item of the activity log for it, with the reason code of the puller."""
    named = subject[:_SUBJECT].encode(errors="backslashreplace").decode()
    return ActivityItem(subject=named, reason=reason, detail=f"{type(error).__name__}: {DeadLetter.text_of(error)}")


def writable(record: _R) -> _R:
    """The record, if it can be written. Raises TypeError where it has text that UTF-8 cannot say."""
    record.encode()
    return record


def without_surrogates(text: str) -> str:
    """Text with a question mark for each lone surrogate: JSON can hold one, UTF-8 cannot."""
    return text if text.isascii() else text.encode(errors="replace").decode()
