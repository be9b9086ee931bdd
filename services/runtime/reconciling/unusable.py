"""Unusable entries: those that make a unit of work fail unexpectedly.

A failed unit does not say which entry caused it, so each entry is tried by itself. Those that fail are rejected with
the error and left out until their records change.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from schemas.deadletter import DeadLetter
from schemas.desired import AppliedState
from schemas.record import Reason
from services.runtime.reconciling.entry import Entry, Outcome
from services.runtime.reconciling.status_writer import StatusWriter

UNUSABLE: Final = "unusable_entry"
"""Reason code of an entry that cannot be rendered, planned or compared."""


class _Unusable(NamedTuple):
    entry: Entry
    error: Exception


def reject_unusable(writer: StatusWriter, try_entry: Callable[[Entry], None]) -> int:
    """Reject the entries that fail by themselves, and leave them out. Returns their number.

    Raises:
        StoppedError, LeaseLostError, ProducerError: as the status writer.

    """
    found = _unusable(list(writer.store), try_entry)
    writer.record([Outcome(entry, AppliedState.REJECTED, entry.remote_id, _reason(error)) for entry, error in found])
    for entry, _ in found:
        writer.store.take_out(entry)
    return len(found)


def _unusable(entries: Sequence[Entry], try_entry: Callable[[Entry], None]) -> list[_Unusable]:
    found = []
    for entry in entries:
        try:
            try_entry(entry)
        except Exception as error:  # noqa: BLE001  # any error concerns this entry
            found.append(_Unusable(entry, error))
    return found


def _reason(error: Exception) -> Reason:
    return Reason(code=UNUSABLE, detail=f"{type(error).__name__}: {DeadLetter.text_of(error)}")
