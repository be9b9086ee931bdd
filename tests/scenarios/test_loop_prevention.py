"""Loop prevention: what we put somewhere does not come back from there as news.

By marker: tests/unit/test_pull_defender_normalize.py. Here: by our own record of what we asked for.
"""

import pytest

from schemas.request import Verdict
from tests.scenarios.world import BLOCK, URLS, World


@pytest.fixture
def world() -> World:
    found = World()
    found.share("to-ns", "mde", "ns", URLS)
    found.share("to-mde", "ns", "mde", BLOCK)
    found.share("to-lab", "ns", "lab", BLOCK)
    return found


def test_what_we_block_there_is_met_there_and_goes_nowhere(world: World) -> None:
    world.report("mde", "evil.example")
    world.wait("1m")
    world.meets("ns", "evil.example")
    assert world.at("ns") == {"evil.example"}
    assert world.at("mde") == world.at("lab") == set()
    assert world.why("evil.example")["ns to-mde"].verdict is Verdict.ECHO


def test_an_echo_does_not_keep_it_alive(world: World) -> None:
    world.report("mde", "evil.example")
    world.wait("1m")
    world.meets("ns", "evil.example")
    world.withdraw("mde", "evil.example")
    assert world.at("ns") | world.at("mde") | world.at("lab") == set()


def test_an_echo_that_comes_in_after_the_withdrawal_is_still_one_and_a_day_later_it_is_news(world: World) -> None:
    world.report("mde", "evil.example")
    world.wait("1m")
    world.withdraw("mde", "evil.example")
    world.wait("10m")
    world.meets("ns", "evil.example")
    assert world.at("mde") == set()
    world.wait("1d")
    world.meets("ns", "evil.example")
    assert world.at("mde") == world.at("lab") == {"evil.example"}


def test_what_a_tenant_met_before_we_put_it_there_is_its_own(world: World) -> None:
    world.meets("ns", "evil.example")
    world.wait("1m")
    world.report("mde", "evil.example")
    assert world.at("mde") == world.at("ns") == {"evil.example"}
    world.withdraw("mde", "evil.example")
    assert world.at("ns") == set()
    assert world.at("mde") == {"evil.example"}, "Netskope found it by itself"


def test_what_somebody_lists_by_hand_is_never_an_echo(world: World) -> None:
    world.meets("ns", "evil.example")
    world.wait("1m")
    world.report("mde", "evil.example")
    assert world.at("ns") == {"evil.example"}


def test_round_and_round_changes_nothing(world: World) -> None:
    world.report("mde", "evil.example")
    for _ in range(50):
        world.wait("5m")
        world.meets("ns", "evil.example")
    assert world.written == [("ns", "url-list:urls", "evil.example")]


def test_without_being_told_from_a_listing_it_would_be_written_back_to_who_deleted_it(world: World) -> None:
    world.report("mde", "evil.example")
    world.wait("1m")
    world.report("ns", "evil.example")
    world.withdraw("mde", "evil.example")
    assert world.at("mde") == world.at("lab") == {"evil.example"}
