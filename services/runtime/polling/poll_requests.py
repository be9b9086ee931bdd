"""Hears what a person asks of a puller: to poll now. It is answered once every lane was polled well since.

What the vendor says of when to come again counts more than what a person asks, so that may take a moment.
"""

from collections.abc import Callable, Sequence

from schemas.resources.reconciliation import ReconciliationSpec
from services.runtime.policy import PolicyView
from services.runtime.polling.schedule import Schedule
from services.runtime.vendors.status import Status


class PollRequest:
    """What was asked of the lanes of one connection. `published` counts the reports that they have published."""

    def __init__(
        self, status: Status, policy: PolicyView, turns: Sequence[Schedule], published: Callable[[], int]
    ) -> None:
        self._status = status
        self._policy = policy
        self._turns = turns
        self._published = published
        self._asked: ReconciliationSpec | None = None
        self._left: set[Schedule] = set()
        self._before = 0

    @property
    def has_news(self) -> bool:
        """Whether something is asked for that was not taken up."""
        return self._status.asked(self._policy.view) not in (None, self._asked)

    def listen(self) -> None:
        """Take up a new request. Raises ProducerError if its answer cannot be published."""
        if self.has_news:
            self._asked = self._status.asked(self._policy.view)
            self._left, self._before = set(self._turns), self._published()
            for schedule in self._turns:
                schedule.hurry()
            self._answer()

    def took(self, schedule: Schedule, *, well: bool) -> None:
        """A turn was taken. Raises as `listen`."""
        if well:
            self._left.discard(schedule)
            self._answer()

    def _answer(self) -> None:
        if self._asked is None or self._left or self._status.latest.answered == self._asked.id:
            return
        reports = self._published() - self._before
        text = f"polled now: {reports} reports of what is new, changed or gone"
        self._status.answer(self._asked, text, {"reported": reports})
