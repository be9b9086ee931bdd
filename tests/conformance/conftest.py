"""The sandbox tenants of the contract tests."""

import pytest

from tests.contract.conftest import defender, netskope, served_defender, served_netskope

__all__ = ["defender", "netskope", "served_defender", "served_netskope"]

pytest.register_assert_rewrite("tests.conformance.pullers", "tests.conformance.pushers")
