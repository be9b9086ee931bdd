"""The sandbox tenants that tests of pullers and pushers share: served once a module, as created for each test."""

from collections.abc import Iterator

import pytest

from services.sandbox.tenant.quota import Limit
from tests.contract import test_sandbox_netskope_gate as gate
from tests.contract.netskope import ready
from tests.contract.test_vendor_sessions import SECRET, Sandbox, fresh, serving


@pytest.fixture(scope="module")
def served_defender() -> Iterator[Sandbox]:
    with serving() as sandbox:
        yield sandbox


@pytest.fixture
def defender(served_defender: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    monkeypatch.setenv("PUSH_TEST_SECRET", SECRET)
    with fresh(served_defender, monkeypatch) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def served_netskope() -> Iterator[gate.Api]:
    with gate.serving(policy_rate=(Limit(10_000, 1.0),), v1_rate=(Limit(10_000, 1.0),)) as api:
        yield api


@pytest.fixture
def netskope(served_netskope: gate.Api, monkeypatch: pytest.MonkeyPatch) -> gate.Api:
    return ready(served_netskope, monkeypatch)
