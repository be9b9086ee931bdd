"""Defender's puller and pusher are bound to what every puller and pusher must do."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from schemas.types import IndicatorType
from services.sandbox.tenant.faults import Fault
from tests.conformance.pullers import PullerCase, PullerConformance
from tests.conformance.pushers import ComparingPusherConformance, LosablePusherCase
from tests.contract.defender import Bench, PusherHarness
from tests.contract.test_vendor_sessions import Sandbox
from tests.pushing import BLOCK


class _Pushed(LosablePusherCase):
    harness: PusherHarness
    target = BLOCK
    values = tuple(f"h{number:02}.example" for number in range(30))

    def __init__(self, sandbox: Sandbox) -> None:
        self.harness = PusherHarness(sandbox)

    def held(self) -> set[str]:
        return self.harness.values()

    def writes(self) -> int:
        return self.harness.sent("/import", "/BatchDelete", "/{id}")

    def later(self, seconds: float) -> None:
        self.harness.later(seconds)

    def fail_next(self) -> None:
        self.harness.sandbox.fault("status", code=503)

    def place_theirs(self) -> set[str]:
        self.harness.seed("theirs.example")
        return {"theirs.example"}

    def take_out(self, *values: str) -> None:
        self.harness.delete(*values)


class TestDefenderPusher(ComparingPusherConformance):
    @pytest.fixture
    def case(self, defender: Sandbox) -> Iterator[_Pushed]:
        with closing(_Pushed(defender)) as found:
            yield found


class _Pulled(PullerCase):
    bench: Bench
    values = tuple(f"h{number}.example" for number in range(9))
    types = (IndicatorType.DOMAIN, IndicatorType.SHA256)
    of_other_type = "a" * 64

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self.bench = Bench(sandbox)
        self.bench.switch(page_size=4)

    def open(self, **spec: object) -> None:
        self.bench.close()
        self.bench = Bench(self._sandbox, **spec)

    def add(self, *values: str) -> None:
        for value in values:
            self.bench.seed(value, **({"indicatorType": "FileSha256"} if len(value) == 64 else {}))

    def poll(self) -> float:
        return self.bench.source.poll()

    def drain(self) -> None:
        self.poll()

    def fail_next(self, kind: str) -> None:
        self._sandbox.tenant.faults.add(Fault(kind=kind, path="/api/", times=1, code=503))


class TestDefenderPuller(PullerConformance):
    @pytest.fixture
    def case(self, defender: Sandbox) -> Iterator[_Pulled]:
        with closing(_Pulled(defender)) as found:
            yield found
