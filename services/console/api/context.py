"""What the API has at hand to answer with."""

import queue
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from schemas.policy import Policy
from schemas.progress import Progress
from services.console.auth.people import Guests
from services.console.auth.tokens import Verifier
from services.console.ingest.intake import Intake
from services.console.readmodel.database import Database
from services.console.readmodel.follow import Follower
from services.console.readmodel.view import View
from services.console.resources.operations import Operations
from services.console.settings import ConsoleSettings
from services.runtime.lifecycle import Context


class NotReadyError(Exception):
    """The read model is still being read from Kafka."""


class ApiContext:
    """Everything the API answers from. Safe to use from any thread."""

    def __init__(self, context: Context, settings: ConsoleSettings, database: Database, follower: Follower) -> None:
        self.settings = settings
        self.guests = Guests(settings.console_tokens_file)
        self.verifier = Verifier()
        self.follower = follower
        self.intake = Intake(settings, context.activity, lambda: follower.progress, settings.console_push_backlog)
        self._context = context
        self._database = database
        self._views: queue.LifoQueue[View] = queue.LifoQueue()

    @property
    def policy(self) -> Policy:
        """The policy as this process has read it."""
        return self._context.policy.view

    def current_policy(self) -> Policy:
        """The policy as it stands in Kafka: for what would be refused by that of a moment ago. Takes a moment."""
        return self._context.policy.current()

    @property
    def progress(self) -> Mapping[int, Progress]:
        """How far each partition of the router has come."""
        return self.follower.progress

    def operations(self, by: str) -> Operations:
        """The operations on the policy, for somebody."""
        return Operations(self.settings, by)

    @contextmanager
    def view(self) -> Iterator[View]:
        """The read model, for one answer.

        Raises:
            NotReadyError: it is not read to its end yet.

        """
        if not self.follower.caught_up.is_set():
            raise NotReadyError(f"the read model is still being read; {self.follower.left} records are left")
        try:
            found = self._views.get_nowait()
        except queue.Empty:
            found = View(self._database)
        try:
            yield found
        finally:
            self._views.put(found)

    def close(self) -> None:
        """Close what is open."""
        self.intake.close()
        while not self._views.empty():
            self._views.get_nowait().close()
