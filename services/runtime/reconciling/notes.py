"""Notes of a pusher for its successor, kept among the applied entries of one connection."""

from typing import Final, TypeVar

from schemas.note import RESERVED, Note
from schemas.record import UndecodableError
from schemas.refusal import Refusal
from schemas.spent import Spent
from services.runtime.observability import log

_KINDS: Final[dict[bytes, type[Note]]] = {b"spent": Spent, b"refusal": Refusal}
_LOG = log.get(__name__)
_N = TypeVar("_N", bound=Note)


class Notes:
    """Notes by key. An unreadable note is logged and ignored: the pusher learns its content again."""

    def __init__(self, connection: str) -> None:
        self._connection = connection
        self._notes: dict[bytes, Note] = {}

    def take(self, key: bytes, value: bytes | None) -> None:
        """Apply the latest record of a reserved key; None is a tombstone."""
        kind = _KINDS.get(key.removeprefix(RESERVED).partition(b"/")[0])
        if value is None or kind is None:
            self._notes.pop(key, None)
            return
        try:
            self._notes[key] = kind.decode(value)
        except UndecodableError as error:
            _LOG.warning("cannot read a note", connection=self._connection, key=key.decode("utf-8", "replace"),
                         why=str(error))  # fmt: skip

    def of(self, kind: type[_N]) -> list[_N]:
        """Return the notes of one kind."""
        return [note for note in self._notes.values() if isinstance(note, kind)]
