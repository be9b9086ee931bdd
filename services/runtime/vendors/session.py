"""The common part of vendor sessions: quota and retries around each call."""

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
    """Calls of the service before a vendor call is sent. If one raises, the vendor call is not sent.

    `check` makes sure that the service still owns the connection: every few seconds of a wait for quota, and right
    before the call. `note` gets the bucket of a call that is about to leave.
    """

    check: Callable[[], None] = _nothing
    note: Callable[[str], None] = _nothing


class Session:
    """A connection's access to its vendor's API. For one thread; other sessions share the budget.

    `policy`: retries of calls; None: each call is sent once and waits for quota without limit.
    Plan with `budget.left(bucket)` and `budget.seconds_until_free(bucket)`.
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
        """Call `once`, with retries if the session has a policy."""
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
        """Send once the bucket has room. A 429 closes the bucket for all that share it."""
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
