"""A comparison that a person asks for looks at every URL list at once; tokens that nobody takes are told."""

from collections.abc import Iterator

import pytest

from schemas.targets import UrlList
from services.runtime.vendors.errors import ForbiddenError
from tests.contract.test_push_netskope_tenant import Desk, seeded
from tests.contract.test_sandbox_netskope_gate import TOKEN, Api
from tests.pushing import HASHES, LIST

OTHER = UrlList(kind="url-list", name="other")


@pytest.fixture
def desk(netskope: Api) -> Iterator[Desk]:
    netskope.seed(hash_lists=[{"name": HASHES.name, "hashes": ["f" * 64]}])
    found = Desk(netskope)
    yield found
    found.close()


def test_every_url_list_is_looked_at_and_it_is_answered_once(desk: Desk) -> None:
    for target in (LIST, OTHER):
        desk.want("a.example", target)
        desk.want("b.example", target)
    desk.want("a" * 64, HASHES)
    desk.work()
    seeded(desk, "b.example")
    seeded(desk, "a.example", name=OTHER.name)
    desk.ask("first")
    desk.work()
    assert (desk.told.answers, desk.told.found) == (["first"], [{"lost": 2, "failing": 0}])
    assert {item.reason for item in desk.told.items} == {"lost"}
    for target in (LIST, OTHER):
        assert set(desk.urls(target.name) or ()) == {"a.example", "b.example"}
    desk.restart()
    desk.work()
    assert desk.told.answers == ["first"]


def test_it_is_answered_where_there_is_no_url_list(desk: Desk) -> None:
    desk.want("a" * 64, HASHES)
    desk.ask("first")
    desk.work()
    assert desk.told.found == [{"lost": 0, "failing": 0}]


def test_where_no_token_is_taken_it_is_trouble_of_the_connection(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUSH_TEST_V2", "wrong")
    desk.restart()
    desk.want("a.example", LIST)
    with pytest.raises(ForbiddenError):
        desk.work()
    assert desk.reasons() == {"domain:a.example": "forbidden"}
    monkeypatch.setenv("PUSH_TEST_V2", TOKEN)
    desk.later(61)
    desk.work()
    assert desk.urls() == ["a.example"]
