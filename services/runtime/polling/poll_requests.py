"""Poll requests: a person's request to poll now, answered once every stream has been polled successfully.

A wait that the vendor requests comes first, so the answer may take a while.
"""

from collections.abc import Callable, Sequence

from schemas.resources.reconciliation import ReconciliationSpec
from services.runtime.policy import PolicyView
from services.runtime.polling.schedule import Schedule
from services.runtime.vendors.status import Status


class PollRequest:
    """The poll request of one connection. `published` returns how many reports its streams have published."""

    def __init__(
        self, status: Status, policy: PolicyView, schedules: Sequence[Schedule], published: Callable[[], int]
    ) -> None:
        self._status = status
        self._policy = policy
        self._schedules = schedules
        self._published = published
        self._request: ReconciliationSpec | None = None
        self._left: set[Schedule] = set()
        self._before = 0

    @property
    def has_news(self) -> bool:
        """Whether there is a request that has not been started."""
        return self._status.asked(self._policy.view) not in (None, self._request)

    def listen(self) -> None:
        """Start a new request. Raises ProducerError if its answer cannot be published."""
        if self.has_news:
            self._request = self._status.asked(self._policy.view)
            self._left, self._before = set(self._schedules), self._published()
            for schedule in self._schedules:
                schedule.hurry()
            self._answer()

    def took(self, schedule: Schedule, *, well: bool) -> None:
        """Note that a stream was polled. Raises as `listen`."""
        if well:
            self._left.discard(schedule)
            self._answer()

    def _answer(self) -> None:
        if self._request is None or self._left or self._status.latest.answered == self._request.id:
            return
        reports = self._published() - self._before
        text = f"polled now: {reports} reports of new, changed or withdrawn indicators"
        self._status.answer(self._request, text, {"reported": reports})
