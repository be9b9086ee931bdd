"""Retries of calls: bounded in attempts and time, at the vendor's pace, ended at once by `stop`.

Uses tenacity because its sleep can be replaced by a wait for `stop`.
"""

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, stop_before_delay
from tenacity.wait import wait_exponential_jitter

from services.runtime.observability import log
from services.runtime.observability.metrics import VENDOR_RETRIES
from services.runtime.vendors.errors import (
    BrokenAnswerError,
    StoppedError,
    ThrottledError,
    UnavailableError,
    UnreachableError,
)

_LOG = log.get(__name__)
_T = TypeVar("_T")
_MAY_PASS = (UnreachableError, BrokenAnswerError, ThrottledError, UnavailableError)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long and how often a session retries. All times in seconds.

    The defaults are those of the vendors' own connectors: 60 s after a 429 without a wait, no wait beyond 300 s.
    """

    attempts: int = 5
    total_s: float = 300.0
    """No attempt begins later than this after the first. Also the longest wait for our own quota."""
    first_wait_s: float = 1.0
    """Doubles from one attempt to the next, with a jitter of up to this value."""
    longest_wait_s: float = 60.0
    throttled_s: float = 60.0
    """Wait after a 429 without `Retry-After`."""


def retrying(
    call: Callable[[], _T],
    *,
    policy: RetryPolicy,
    stop: threading.Event,
    connection: str,
    route: str,
    repeatable: bool,
) -> _T:
    """Call, and retry after errors that may pass: Unreachable, BrokenAnswer, Throttled, Unavailable.

    A call that is not `repeatable` is retried only if the vendor cannot have acted: throttled, or never connected.

    Raises:
        StoppedError: `stop` was set while waiting for the next attempt.
        VendorError: the error of the last attempt.

    """
    backoff = wait_exponential_jitter(
        multiplier=policy.first_wait_s, max=policy.longest_wait_s, jitter=policy.first_wait_s
    )

    def wait(state: RetryCallState) -> float:
        requested = _requested_wait(state)
        return backoff(state) if requested is None else requested + random.uniform(0, policy.first_wait_s)  # noqa: S311  # jitter

    def again(error: BaseException) -> bool:
        return isinstance(error, _MAY_PASS) and (repeatable or not error.may_have_acted)

    def sleep(seconds: float) -> None:
        if stop.wait(seconds):
            raise StoppedError(f"stopped while {route} of connection {connection} waited for its next attempt")

    def note(state: RetryCallState) -> None:
        VENDOR_RETRIES.labels(connection, route).inc()
        _LOG.warning(
            "a vendor call failed and is tried again",
            connection=connection,
            route=route,
            why=str(_error(state)),
            attempt=state.attempt_number,
            wait_s=round(state.upcoming_sleep, 1),
        )

    attempts = Retrying(
        retry=retry_if_exception(again),
        wait=wait,
        stop=stop_after_attempt(policy.attempts) | stop_before_delay(policy.total_s),
        sleep=sleep,
        before_sleep=note,
        reraise=True,
    )
    return attempts(call)


def _error(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None


def _requested_wait(state: RetryCallState) -> float | None:
    error = _error(state)
    return error.retry_after if isinstance(error, ThrottledError | UnavailableError) else None
