"""Quotas as the sandbox Defender tenant counts them: never exceeded, shared, and no wait outlives the service."""

import threading
from collections.abc import Iterator

import pytest

from services.runtime.vendors.budget import Window
from services.runtime.vendors.defender import IMPORT, LIST
from services.runtime.vendors.errors import StoppedError, ThrottledError, VendorError
from services.runtime.vendors.retry import RetryPolicy
from tests.contract.test_vendor_sessions import Sandbox, failing, fresh, importing, listing, serving
from tests.waiting import ANSWER_S


@pytest.fixture(scope="module")
def served() -> Iterator[Sandbox]:
    with serving() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(served: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    with fresh(served, monkeypatch) as sandbox:
        yield sandbox


def test_two_connections_that_hammer_one_bucket_are_never_refused(sandbox: Sandbox) -> None:
    vendor, ours = {"calls": 6, "seconds": 0.4}, Window(6, 1.2)
    sandbox.tenant.switch({"quotas": {"list": [vendor]}})
    # Ours is longer by more than a busy machine delays a call: what is tested is that the connections share it.
    sessions = [sandbox.session(name=name, quotas={LIST: (ours,)}) for name in ("one", "other")]
    failures: list[VendorError] = []

    def work(number: int) -> None:
        try:
            for _ in range(6):
                listing(sessions[number])
        except VendorError as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counted = sandbox.admin.get("/_admin/calls").json()
    assert (failures, counted["refusals"], counted["admitted"]) == ([], {}, {"list": 12})


def test_a_vendor_stricter_than_it_says_is_obeyed(sandbox: Sandbox) -> None:
    sandbox.tenant.switch({"quotas": {"list": [{"calls": 2, "seconds": 600}]}})
    session = sandbox.session()
    listing(session)
    listing(session)
    error = failing(lambda: listing(session))
    assert isinstance(error, ThrottledError)
    assert 590 < error.retry_after <= 600
    for _ in range(3):
        assert isinstance(failing(lambda: listing(session)), ThrottledError)
    assert sandbox.calls("/indicators", 3) == ["200", "200", "429"]
    assert 0 < session.budget.seconds_until_free(LIST) <= 600


def test_a_429_makes_everybody_wait_as_long_as_the_vendor_says(sandbox: Sandbox) -> None:
    one, other = sandbox.session(name="one"), sandbox.session(name="other")
    sandbox.fault("status", "/import", code=429, retry_after=120)
    error = failing(lambda: importing(one))
    assert isinstance(error, ThrottledError)
    assert error.retry_after == 120
    waiting = failing(lambda: importing(other))
    assert isinstance(waiting, ThrottledError)
    assert 110 < waiting.retry_after <= 120
    assert other.budget.left(IMPORT) == 0
    assert sandbox.calls("/import", 1) == ["429"]
    assert listing(other)["value"] == []


@pytest.mark.parametrize("retry_after", [None, 3600])
def test_leaving_ends_a_wait_at_once(sandbox: Sandbox, retry_after: int | None) -> None:
    sandbox.fault("status", "/import", code=429, retry_after=retry_after, times=None)
    patient = RetryPolicy(total_s=100_000, throttled_s=3600)
    session = sandbox.session(policy=patient)
    ends: list[BaseException] = []

    def work() -> None:
        try:
            importing(session)
        except StoppedError as error:
            ends.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    assert sandbox.calls("/import", 1) == ["429"]
    sandbox.stop.set()
    thread.join(ANSWER_S)
    assert len(ends) == 1
    with pytest.raises(StoppedError):
        importing(session)  # the bucket is closed still
