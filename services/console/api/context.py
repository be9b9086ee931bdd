"""What the routes of the API share: settings, tokens, the policy, the read model and the intake."""

import queue
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from schemas.policy import Policy
from schemas.progress import Progress
from services.console.auth.people import TokenFile
from services.console.auth.tokens import Verifier
from services.console.ingest.intake import Intake
from services.console.readmodel.database import Database
from services.console.readmodel.follow import Follower
from services.console.readmodel.view import View
from services.console.resources.operations import Operations
from services.console.settings import ConsoleSettings
from services.runtime.lifecycle import Context


class NotReadyError(Exception):
    """The read model has not been read to the end of its topics yet."""


class ApiContext:
    """Shared state of the API. Safe to use from any thread."""

    def __init__(self, context: Context, settings: ConsoleSettings, database: Database, follower: Follower) -> None:
        self.settings = settings
        self.token_file = TokenFile(settings.console_tokens_file)
        self.verifier = Verifier()
        self.follower = follower
        self.intake = Intake(settings, context.activity, lambda: follower.progress, settings.console_push_backlog)
        self._context = context
        self._database = database
        self._views: queue.LifoQueue[View] = queue.LifoQueue()

    @property
    def policy(self) -> Policy:
        """The policy as last read by this process."""
        return self._context.policy.view

    def current_policy(self) -> Policy:
        """The policy read from Kafka now, for a request that `policy` would refuse. Slower than `policy`."""
        return self._context.policy.current()

    @property
    def progress(self) -> Mapping[int, Progress]:
        """The router's progress by partition."""
        return self.follower.progress

    def operations(self, by: str) -> Operations:
        """The operations on the policy, in the name of `by`."""
        return Operations(self.settings, by)

    @contextmanager
    def view(self) -> Iterator[View]:
        """The read model, for one response.

        Raises:
            NotReadyError: it is still being read.

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
        """Close the intake and the database connections."""
        self.intake.close()
        while not self._views.empty():
            self._views.get_nowait().close()
