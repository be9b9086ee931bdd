"""What sessions with both vendors do around a call: quota before it, retries around it, all sharers told of a 429."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self, TypeVar

from services.runtime.observability.metrics import CREDENTIALS_REFUSED
from services.runtime.vendors.budget import Budget
from services.runtime.vendors.errors import (
    CredentialsError,
    ForbiddenError,
    SecretExpiredError,
    SecretMissingError,
    ThrottledError,
    UnauthorizedError,
    VendorError,
)
from services.runtime.vendors.http import Answer, VendorHttp
from services.runtime.vendors.retry import RetryPolicy, retrying

_T = TypeVar("_T")
_REFUSALS: dict[type[VendorError], str] = {
    SecretExpiredError: "expired",
    SecretMissingError: "missing",
    CredentialsError: "refused",
    UnauthorizedError: "unauthorized",
    ForbiddenError: "forbidden",
}


def _nothing(*_: object) -> None:
    pass


@dataclass(frozen=True, slots=True)
class BeforeCall:
    """What a service does around the wait for quota. Both may raise, and then the call is not sent.

    `check` makes sure that the service still works for the connection: every few seconds of a wait, and right before
    the call. `note` is told the bucket of a call that is about to leave.
    """

    check: Callable[[], None] = _nothing
    note: Callable[[str], None] = _nothing


class Session:
    """A connection's way into its vendor's API. For one thread; the budget is shared with other sessions.

    `policy`: how calls are repeated; None: each is sent once, and waits for quota as long as it takes.

    `budget.left(bucket)` and `budget.seconds_until_free(bucket)` are there for planning.
    """

    def __init__(
        self,
        name: str,
        http: VendorHttp,
        budget: Budget,
        stop: threading.Event,
        *,
        policy: RetryPolicy | None,
        before: BeforeCall | None,
    ) -> None:
        self.name = name
        self.budget = budget
        self._http = http
        self._stop = stop
        self._policy = policy
        self._before = before or BeforeCall()
        for reason in _REFUSALS.values():
            CREDENTIALS_REFUSED.labels(name, reason)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _repeated(self, once: Callable[[], _T], route: str, *, repeatable: bool) -> _T:
        """`once` with retries, where the session has a policy for them."""
        policy = self._policy
        try:
            if policy is None:
                return once()
            return retrying(
                once, policy=policy, stop=self._stop, connection=self.name, route=route, repeatable=repeatable
            )
        except VendorError as error:
            if reason := _REFUSALS.get(type(error)):
                CREDENTIALS_REFUSED.labels(self.name, reason).inc()
            raise

    def _within_budget(self, bucket: str, route: str, send: Callable[[], Answer]) -> Answer:
        """Send when the bucket has room; a 429 closes it for everybody who shares it."""
        patience = self._policy.total_s if self._policy else None
        before = self._before
        self.budget.acquire(
            bucket, self._stop, connection=self.name, route=route, patience_s=patience, check=before.check
        )
        before.check()
        before.note(bucket)
        try:
            return send()
        except ThrottledError as error:
            self.budget.penalise(bucket, error.retry_after)
            raise
