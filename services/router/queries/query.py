"""A query: one request in one partition, worked off in slices of stored indicators, with one reply at the end."""

from collections import deque
from collections.abc import Iterable

from schemas.canonical import Refused, identify
from schemas.request import Reply, Request, RequestVerb, split_entry_name
from services.router.engine.state import PartitionState
from services.router.engine.stored import read_stored
from services.router.engine.unit import Unit
from services.router.evaluation.compile import CompiledPolicy
from services.router.queries.answers import Answer, UnanswerableError
from services.runtime.clock import now_ms


class Query:
    """One request and the indicators that are left to examine. Keeps the policy of its start."""

    def __init__(self, request: Request, state: PartitionState, policy: CompiledPolicy, partitions: int) -> None:
        self.request = request
        self._state = state
        self._partitions = partitions
        self._error: str | None = None
        self._answer: Answer | None = None
        self._keys: deque[bytes] = deque()
        self._places: dict[bytes, set[str]] = {}
        try:
            keys = deque([identify(request.indicator).id.encode()] if request.indicator else state.indicators)
            if request.entries:
                self._places = _places(request.entries)
                keys = deque(self._places)
            self._answer, self._keys = Answer(request, policy, now_ms()), keys
        except (UnanswerableError, Refused) as error:
            self._error = str(error)
        except Exception as error:  # noqa: BLE001  # pure code: any error concerns this request
            self.fail(error)

    def fail(self, error: Exception) -> None:
        """End the query with an error reply."""
        self._error, self._answer = f"cannot be answered: {type(error).__name__}: {error}", None
        self._keys.clear()

    @property
    def is_done(self) -> bool:
        """Whether all indicators are examined."""
        return not self._keys

    def look(self, most: int, unit: Unit) -> None:
        """Examine up to `most` indicators. Entries that must be written again go into `unit`.

        Raises:
            StoredError: an indicator is unreadable and skipped; call again for the others.

        """
        assert self._answer
        for _ in range(min(most, len(self._keys))):
            key = self._keys.popleft()
            raw = self._state.indicators.get(key)
            if raw is None:
                continue
            indicator = read_stored(key, raw)
            if not self._answer.concerns(indicator):
                continue
            self._answer.examine(indicator)
            if self.request.verb is RequestVerb.SYNC:
                self._answer.sent(indicator, unit.resend(key, self.request.sharing, self._places.get(key)))

    def reply(self) -> Reply:
        """Return the reply."""
        if self._answer is None:
            number = self._state.number
            return Reply(
                id=self.request.id, partition=number, partitions=self._partitions, at=now_ms(), error=self._error
            )
        return self._answer.reply(self._state.number, self._partitions)


def _places(entries: Iterable[str]) -> dict[bytes, set[str]]:
    """Return the keys of the named indicators, each with its named targets. Raises UnanswerableError."""
    found: dict[bytes, set[str]] = {}
    for entry in entries:
        try:
            place, identity = split_entry_name(entry)
        except ValueError as error:
            raise UnanswerableError(str(error)) from error
        found.setdefault(identity.encode(), set()).add(place)
    return found
