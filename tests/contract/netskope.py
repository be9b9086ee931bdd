"""The sandbox Netskope tenant for tests of puller and pusher: as created, with its tokens where connections look."""

import pytest

from services.runtime.observability import log
from services.runtime.vendors import budget
from tests.contract.test_sandbox_netskope_gate import TOKEN, V1_TOKEN, Api


def ready(served: Api, monkeypatch: pytest.MonkeyPatch) -> Api:
    """The tenant, for one test: nothing is left of the one before, in it or in this process."""
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(budget, "_shared", {})
    monkeypatch.setattr(log, "_secrets", set())
    monkeypatch.setenv("PUSH_TEST_V2", TOKEN)
    monkeypatch.setenv("PUSH_TEST_V1", V1_TOKEN)
    served.admin("reset")
    return served
