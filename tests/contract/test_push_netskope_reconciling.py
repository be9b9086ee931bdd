"""A comparison that a person asks for looks at every URL list at once; tokens that nobody takes are told."""

from collections.abc import Iterator

import pytest

from schemas.vendors.netskope import UrlList
from services.runtime.vendors.errors import ForbiddenError
from tests.contract.test_push_netskope_tenant import PusherHarness, seeded
from tests.contract.test_sandbox_netskope_gate import TOKEN, Api
from tests.pushing import HASHES, LIST

OTHER = UrlList(kind="url-list", name="other", subdomains="exact")


@pytest.fixture
def harness(netskope: Api) -> Iterator[PusherHarness]:
    netskope.seed(hash_lists=[{"name": HASHES.name, "hashes": ["f" * 64]}])
    found = PusherHarness(netskope)
    yield found
    found.close()


def test_every_url_list_is_looked_at_and_it_is_answered_once(harness: PusherHarness) -> None:
    for target in (LIST, OTHER):
        harness.want("a.example", target)
        harness.want("b.example", target)
    harness.want("a" * 64, HASHES)
    harness.work()
    seeded(harness, "b.example")
    seeded(harness, "a.example", name=OTHER.name)
    harness.ask("first")
    harness.work()
    assert (harness.told.answers, harness.told.found) == (["first"], [{"lost": 2, "failing": 0}])
    assert {entry.reason for entry in harness.told.entries} == {"lost"}
    for target in (LIST, OTHER):
        assert set(harness.urls(target.name) or ()) == {"a.example", "b.example"}
    harness.restart()
    harness.work()
    assert harness.told.answers == ["first"]


def test_it_is_answered_where_there_is_no_url_list(harness: PusherHarness) -> None:
    harness.want("a" * 64, HASHES)
    harness.ask("first")
    harness.work()
    assert harness.told.found == [{"lost": 0, "failing": 0}]


def test_where_no_token_is_taken_it_is_trouble_of_the_connection(
    harness: PusherHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PUSH_TEST_V2", "wrong")
    harness.restart()
    harness.want("a.example", LIST)
    with pytest.raises(ForbiddenError):
        harness.work()
    assert harness.reasons() == {"domain:a.example": "forbidden"}
    monkeypatch.setenv("PUSH_TEST_V2", TOKEN)
    harness.later(61)
    harness.work()
    assert harness.urls() == ["a.example"]
