"""Netskope's puller is bound to what every puller must do."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from schemas.types import IndicatorType
from services.pull_netskope.client import Kind
from services.sandbox.tenant.quota import Limit
from tests.conformance.pullers import PullerCase, PullerConformance
from tests.contract.test_pull_netskope_tenant import Bench
from tests.contract.test_sandbox_netskope_gate import START, Api, serving


@pytest.fixture(scope="module")
def served_netskope() -> Iterator[Api]:
    with serving(iterator_rate=(Limit(10_000, 1.0),), page_size=3) as api:
        yield api


class _Pulled(PullerCase):
    bench: Bench
    values = tuple(f"http://h{number}.example/x" for number in range(9))
    types = (IndicatorType.URL, IndicatorType.SHA256)
    of_other_type = "a" * 64

    def __init__(self, api: Api) -> None:
        self._api = api
        self.bench = Bench(api)

    def open(self, **spec: object) -> None:
        self.bench.close()
        self.bench = Bench(self._api, **spec)

    def add(self, *values: str) -> None:
        for value in values:
            what = {"kind": "malware", "sha256": value} if len(value) == 64 else {"kind": "malsite", "url": value[7:]}
            self._api.seed(alerts=[{**what, "timestamp": START - 60}])

    def poll(self) -> float:
        return self.bench.stream(Kind.MALSITE).poll()

    def drain(self) -> None:
        for stream in self.bench.source.streams:
            while stream.poll() <= 0:
                pass

    def fail_next(self, kind: str) -> None:
        self._api.fault(kind, path="dataexport", **({"code": 503} if kind == "status" else {}))


class TestNetskopePuller(PullerConformance):
    @pytest.fixture
    def case(self, netskope: Api) -> Iterator[_Pulled]:
        with closing(_Pulled(netskope)) as found:
            yield found
