"""Retraction: what a source deletes is withdrawn when no other source still vouches for it."""

import pytest

from schemas.request import Verdict
from tests.scenarios.world import URLS, World


@pytest.fixture
def world() -> World:
    found = World()
    found.share("from-mde", "mde", "ns", URLS)
    found.share("from-lab", "lab", "ns", URLS)
    found.report("mde", "both.example", "one.example")
    found.report("lab", "both.example")
    return found


def test_the_last_source_counts(world: World) -> None:
    world.withdraw("mde", "both.example", "one.example")
    assert world.at("ns") == {"both.example"}
    assert world.entry("ns", "both.example").sources == ("lab",)
    world.withdraw("lab", "both.example")
    assert world.at("ns") == set()


def test_it_is_told_who_took_it_back(world: World) -> None:
    world.withdraw("mde", "both.example")
    assert world.why("both.example")["mde from-mde"].verdict is Verdict.WITHDRAWN_AT_SOURCE
    assert world.why("both.example")["lab from-lab"].verdict is Verdict.WANTED


def test_a_source_that_no_sharing_reads_does_not_keep_it_at_a_target(world: World) -> None:
    world.delete("sharing/from-lab")
    world.withdraw("mde", "both.example")
    assert world.at("ns") == {"one.example"}
    assert world.indicator("both.example").active, "lab still vouches, but shares nothing"


def test_it_comes_back_when_the_source_lists_it_again(world: World) -> None:
    world.withdraw("mde", "one.example")
    world.wait("1h")
    world.report("mde", "one.example")
    assert world.at("ns") == {"one.example", "both.example"}


def test_taking_back_twice_or_what_was_never_said_changes_nothing(world: World) -> None:
    world.withdraw("mde", "one.example")
    before = list(world.written)
    world.withdraw("mde", "one.example")
    world.withdraw("lab", "one.example")
    assert world.written == before


def test_a_withdrawal_reaches_every_destination(world: World) -> None:
    world.share("to-branch", "mde", "branch", URLS)
    world.share("to-lab", "mde", "lab", {"kind": "defender-action", "action": "Audit"})
    world.withdraw("mde", "one.example")
    assert world.at("branch") == world.at("lab") == {"both.example"}
