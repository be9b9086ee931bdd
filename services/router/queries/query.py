"""A request under way in one partition: a slice of stored indicators at a time, and one reply at the end."""

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
    """One request and what is left to look at. It sticks to the policy of the moment it began."""

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
        except Exception as error:  # noqa: BLE001  # computing alone: whatever it raises is about this request
            self.fail(error)

    def fail(self, error: Exception) -> None:
        """Give up: the reply will say why."""
        self._error, self._answer = f"cannot be answered: {type(error).__name__}: {error}", None
        self._keys.clear()

    @property
    def is_done(self) -> bool:
        """Whether everything is looked at."""
        return not self._keys

    def look(self, most: int, unit: Unit) -> None:
        """Look at some more; what is to be written again goes into the unit.

        Raises:
            StoredError: an indicator cannot be read. It is passed over; call again for the others.

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
        """The answer."""
        if self._answer is None:
            number = self._state.number
            return Reply(
                id=self.request.id, partition=number, partitions=self._partitions, at=now_ms(), error=self._error
            )
        return self._answer.reply(self._state.number, self._partitions)


def _places(entries: Iterable[str]) -> dict[bytes, set[str]]:
    """The keys of the indicators that are named, each with the places that are. Raises UnanswerableError."""
    found: dict[bytes, set[str]] = {}
    for entry in entries:
        try:
            place, identity = split_entry_name(entry)
        except ValueError as error:
            raise UnanswerableError(str(error)) from error
        found.setdefault(identity.encode(), set()).add(place)
    return found
