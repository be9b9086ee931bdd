"""What sessions with both vendors do around a call: quota before it, retries around it, all sharers told of a 429."""

import threading
from collections.abc import Callable
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


class Session:
    """A connection's way into its vendor's API. For one thread; the budget is shared with other sessions.

    `budget.left(bucket)` and `budget.seconds_until_free(bucket)` are there for planning.
    """

    def __init__(self, name: str, http: VendorHttp, budget: Budget, stop: threading.Event, policy: RetryPolicy) -> None:
        self.name = name
        self.budget = budget
        self._http = http
        self._stop = stop
        self._policy = policy
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
        """`once` with retries."""
        try:
            return retrying(
                once, policy=self._policy, stop=self._stop, connection=self.name, route=route, repeatable=repeatable
            )
        except VendorError as error:
            if reason := _REFUSALS.get(type(error)):
                CREDENTIALS_REFUSED.labels(self.name, reason).inc()
            raise

    def _within_budget(self, bucket: str, route: str, send: Callable[[], Answer]) -> Answer:
        """Send when the bucket has room; a 429 closes it for everybody who shares it."""
        self.budget.acquire(bucket, self._stop, connection=self.name, route=route, patience_s=self._policy.total_s)
        try:
            return send()
        except ThrottledError as error:
            self.budget.penalise(bucket, error.retry_after)
            raise
