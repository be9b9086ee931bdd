"""What is released into a URL list of a sandbox Netskope tenant is like an entry of somebody else."""

from collections.abc import Iterator

import pytest

from schemas.policy import Policy
from schemas.resources import resource
from tests.contract.test_push_netskope_tenant import PusherHarness
from tests.contract.test_sandbox_netskope_gate import Api
from tests.pushing import HASHES, LIST

GUARD = resource("Guard", "default", {"target": {"atLeast": 10}})
URLS = [f"h{number:02}.example" for number in range(30)]


@pytest.fixture
def harness(netskope: Api) -> Iterator[PusherHarness]:
    netskope.seed(hash_lists=[{"name": HASHES.name, "hashes": ["f" * 64]}])
    found = PusherHarness(netskope)
    found.policy.view = Policy.of([GUARD])
    yield found
    found.close()


def test_what_was_released_into_a_url_list_may_be_taken_out_by_anybody(harness: PusherHarness) -> None:
    harness.want(URLS[0], LIST)
    harness.want(URLS[1], LIST)
    harness.work()
    harness.want(URLS[0], LIST, content="", released=True)
    harness.work()
    harness.api.seed(url_lists=[{"name": LIST.name, "data": {"urls": [URLS[1]], "type": "exact"}, "pending": False}])
    harness.later(601)
    harness.work()
    assert harness.urls() == [URLS[1]]
