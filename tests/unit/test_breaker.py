"""A breaker opens on the connection's trouble, lets one unit show, and says so once, also across a restart."""

from collections.abc import Iterable
from typing import Any, cast

import httpx
import pytest
from prometheus_client import REGISTRY

from services.runtime.kafka.transactional_producer import OutgoingRecord
from services.runtime.vendors.breaker import OPENS_AFTER, PATIENCE, Breaker, Circuit
from services.runtime.vendors.errors import (
    CredentialsError,
    ThrottledError,
    UnavailableError,
    UnreachableError,
    VendorError,
)
from services.runtime.vendors.http import VendorHttp
from services.runtime.vendors.pace import Pace
from services.runtime.vendors.status import Status
from tests.pushing import NAME, Context, Told, Written

REFUSED = CredentialsError(NAME, "token", "the secret is wrong; correct spec.appSecret")
DOWN = UnavailableError(NAME, "list", "503", status=503)
TIMEOUT = UnreachableError(NAME, "import", "no answer", kind="timeout", may_have_acted=True)
THROTTLED = ThrottledError(NAME, "list", "429", retry_after=30)


class Process:
    """A process that works for the connection; the next one goes on from what this one wrote."""

    def __init__(self, written: Written | None = None) -> None:
        self.written = written or Written()
        self.context = Context(Told())
        status = Status(cast("Any", self.context), NAME, self._write)
        status.recall(self.written.connection)
        self.breaker = Breaker(cast("Any", self.context), NAME, status, Pace())
        self.circuit = self.breaker.circuit()

    def _write(self, entries: Iterable[OutgoingRecord]) -> None:
        self.written.write(entries)

    @property
    def codes(self) -> list[str]:
        return [code for code, _ in self.context.activity.said]

    @property
    def published(self) -> str:
        assert self.written.connection
        return self.written.connection.state

    @property
    def gauge(self) -> float | None:
        return REGISTRY.get_sample_value("ioc_bridge_breaker_state", {"service": "test", "connection": NAME})


def fail(circuit: Circuit, error: VendorError, times: int = 1) -> float:
    for _ in range(times):
        circuit.begin()
        wait = circuit.failed(error)
    return wait


def succeed(circuit: Circuit) -> None:
    circuit.begin()
    call(200)
    circuit.passed()


def call(status: int) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(status, json={}))
    http = VendorHttp(NAME, "http://vendor.invalid", url_field="spec.apiUrl", transport=transport)
    try:
        http.request("GET", "/", route="list")
    except VendorError:
        assert status >= 300


def test_failures_in_a_row_open_it_and_it_is_told_once() -> None:
    process = Process()
    fail(process.circuit, DOWN, OPENS_AFTER - 1)
    assert (process.published, process.codes, process.gauge) == ("closed", [], 0)
    succeed(process.circuit)
    fail(process.circuit, DOWN, OPENS_AFTER - 1)
    assert process.codes == [], "a success in between begins the count anew"
    fail(process.circuit, DOWN, 3)
    assert (process.published, process.codes, process.gauge) == ("open", ["breaker_opened"], 2)
    assert process.context.health.waiting() == [], "another process would meet the same vendor"
    assert process.context.health.remarks() == [f"connection {NAME}: its breaker is open: {DOWN}"]
    fail(process.circuit, TIMEOUT, 2)
    assert process.codes == ["breaker_opened", "breaker_opened"], "another trouble is told, too, and once"
    succeed(process.circuit)
    assert (process.published, process.codes[-1], process.gauge) == ("closed", "breaker_closed", 0)
    assert process.context.health.remarks() == []


def test_what_only_a_person_can_mend_opens_it_at_once() -> None:
    process = Process()
    assert fail(process.circuit, REFUSED) == Pace().first_failed_s
    assert (process.published, process.codes) == ("open", ["breaker_opened"])
    assert process.written.connection
    assert process.written.connection.reason == str(REFUSED)
    assert process.written.connection.remedy == "do what the text says; no restart is needed"


def test_a_vendor_that_asks_to_wait_is_waited_for_and_only_long_after_is_that_trouble() -> None:
    process = Process()
    assert fail(process.circuit, THROTTLED, PATIENCE - 1) == 30
    assert process.published == "closed"
    process.circuit.hurry()
    assert process.circuit.due > 0, "no person can hurry that"
    fail(process.circuit, THROTTLED)
    assert process.published == "open"


def test_one_unit_shows_and_one_that_calls_nobody_shows_nothing() -> None:
    process = Process()
    fail(process.circuit, REFUSED)
    process.circuit.begin()
    assert process.gauge == 1
    process.circuit.passed()
    assert (process.published, process.gauge) == ("half-open", 1), "there was nothing to call for"
    fail(process.circuit, REFUSED)
    assert (process.published, process.codes, process.gauge) == ("open", ["breaker_opened"], 2)
    process.circuit.begin()
    call(400)
    process.circuit.passed()
    assert process.published == "closed", "a vendor that refuses one entry is well"


@pytest.mark.parametrize("status", [401, 403, 429, 500])
def test_an_answer_that_says_nothing_of_what_was_asked_does_not_close_it(status: int) -> None:
    process = Process()
    fail(process.circuit, REFUSED)
    process.circuit.begin()
    call(status)
    process.circuit.passed()
    assert process.published == "half-open"


def test_a_person_need_not_wait_for_the_next_try() -> None:
    process = Process()
    fail(process.circuit, REFUSED, 5)
    process.circuit.hurry()
    assert process.circuit.due == 0


def test_a_fresh_process_goes_on_from_what_was_said() -> None:
    process = Process()
    fail(process.circuit, REFUSED)
    again = Process(process.written)
    assert (again.published, again.gauge) == ("open", 1), "its first unit shows"
    fail(again.circuit, REFUSED)
    assert (again.published, again.codes) == ("open", []), "this was told"
    mended = Process(process.written)
    succeed(mended.circuit)
    assert (mended.published, mended.codes) == ("closed", ["breaker_closed"])


def test_the_worst_lane_speaks_for_the_connection_and_the_same_trouble_is_told_once() -> None:
    process = Process()
    other = process.breaker.circuit()
    fail(process.circuit, REFUSED)
    fail(other, CredentialsError(NAME, "malsite", "the secret is wrong"))
    assert process.codes == ["breaker_opened"]
    succeed(other)
    assert (process.published, process.gauge, other.in_trouble) == ("open", 2, False)
    succeed(process.circuit)
    assert (process.published, process.codes[-1]) == ("closed", "breaker_closed")
