"""Repeating calls: which errors, how often, at whose pace, and that a service asked to leave waits no longer."""

import threading

import pytest
from prometheus_client import REGISTRY

from services.runtime.vendors.errors import (
    BrokenAnswerError,
    ConflictError,
    CredentialsError,
    StoppedError,
    ThrottledError,
    UnavailableError,
    UnreachableError,
    VendorError,
)
from services.runtime.vendors.retry import RetryPolicy, retrying
from tests.waiting import ANSWER_S

WHERE = ("acme", "import", "x")
QUICK = RetryPolicy(attempts=3, first_wait_s=0.001, longest_wait_s=0.002)

UNCONNECTED = UnreachableError(*WHERE, kind="connect", may_have_acted=False)
RESET = UnreachableError(*WHERE, kind="reset", may_have_acted=True)
BROKEN = BrokenAnswerError(*WHERE, kind="cut")
THROTTLED = ThrottledError(*WHERE, retry_after=0)
DOWN = UnavailableError(*WHERE, status=503)


class Calls:
    """Raises the errors one after the other, then returns."""

    def __init__(self, *errors: VendorError) -> None:
        self.errors = list(errors)
        self.count = 0

    def __call__(self) -> str:
        self.count += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"


def attempt(calls: Calls, *, repeatable: bool = True, policy: RetryPolicy = QUICK) -> str:
    return retrying(
        calls, policy=policy, stop=threading.Event(), connection="acme", route="import", repeatable=repeatable
    )


@pytest.mark.parametrize("error", [UNCONNECTED, RESET, BROKEN, THROTTLED, DOWN])
def test_a_repeatable_call_is_repeated(error: VendorError) -> None:
    before = REGISTRY.get_sample_value("ioc_bridge_vendor_retries_total", {"connection": "acme", "route": "import"})
    calls = Calls(error, error)
    assert attempt(calls) == "done"
    assert calls.count == 3
    after = REGISTRY.get_sample_value("ioc_bridge_vendor_retries_total", {"connection": "acme", "route": "import"})
    assert (after or 0) - (before or 0) == 2


@pytest.mark.parametrize(("error", "count"), [(UNCONNECTED, 2), (THROTTLED, 2), (RESET, 1), (BROKEN, 1), (DOWN, 1)])
def test_any_other_call_is_repeated_only_when_the_vendor_cannot_have_acted(error: VendorError, count: int) -> None:
    calls = Calls(error)
    if count == 2:
        assert attempt(calls, repeatable=False) == "done"
    else:
        with pytest.raises(type(error)):
            attempt(calls, repeatable=False)
    assert calls.count == count


@pytest.mark.parametrize(
    "error", [CredentialsError(*WHERE), ConflictError(*WHERE, status=409, code="", message="", body=None)]
)
def test_refusals_are_not_repeated(error: VendorError) -> None:
    calls = Calls(error)
    with pytest.raises(type(error)):
        attempt(calls)
    assert calls.count == 1


def test_attempts_are_bounded_and_the_last_error_comes_through() -> None:
    calls = Calls(RESET, RESET, DOWN, RESET)
    with pytest.raises(UnavailableError) as caught:
        attempt(calls)
    assert caught.value is DOWN
    assert calls.count == 3


@pytest.mark.parametrize(
    "error",
    [ThrottledError(*WHERE, retry_after=301), UnavailableError(*WHERE, status=503, retry_after=301)],
)
def test_no_wait_is_begun_that_is_longer_than_patience(error: VendorError) -> None:
    calls = Calls(error)
    with pytest.raises(type(error)):
        attempt(calls, policy=RetryPolicy(total_s=300))
    assert calls.count == 1


@pytest.mark.parametrize("error", [ThrottledError(*WHERE, retry_after=3600), RESET])
def test_a_wait_ends_at_once_when_the_service_is_asked_to_leave(error: VendorError) -> None:
    stop, failed = threading.Event(), threading.Event()
    ends: list[BaseException] = []

    def call() -> None:
        failed.set()
        raise error

    def work() -> None:
        policy = RetryPolicy(total_s=100_000, first_wait_s=3600, longest_wait_s=7200)
        try:
            retrying(call, policy=policy, stop=stop, connection="acme", route="import", repeatable=True)
        except StoppedError as stopped:
            ends.append(stopped)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    assert failed.wait(ANSWER_S)
    stop.set()
    thread.join(ANSWER_S)
    assert len(ends) == 1


def test_a_call_that_may_go_at_once_goes_even_while_leaving() -> None:
    stop = threading.Event()
    stop.set()
    calls = Calls()
    assert retrying(calls, policy=QUICK, stop=stop, connection="acme", route="r", repeatable=True) == "done"
