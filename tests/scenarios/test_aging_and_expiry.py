"""Aging and expiry: until the last of the sources' expiries, then withdrawn everywhere, on time."""

import pytest

from schemas.request import Verdict
from tests.scenarios.world import BLOCK, URLS, World, ms


@pytest.fixture
def world() -> World:
    found = World()
    found.share("urls", "mde", "ns", URLS)
    found.share("lab-urls", "lab", "branch", URLS)
    found.share("block", "ns", "mde", BLOCK)
    return found


@pytest.mark.parametrize(("aging", "just_before"), [("30s", "29s"), ("5m", "299s"), ("4h", "239m"), ("2d", "47h")])
def test_aging_counts_from_last_seen_in_any_unit(world: World, aging: str, just_before: str) -> None:
    world.connect("mde", aging=aging)
    world.report("mde", "evil.example")
    world.wait(just_before)
    assert world.at("ns") == {"evil.example"}
    world.wait("1h" if aging.endswith(("h", "d")) else "1s")
    assert world.at("ns") == set(), "withdrawn on time, without a new event"


def test_never_means_never(world: World) -> None:
    world.connect("mde", aging="never")
    world.report("mde", "evil.example")
    world.wait("9999d")
    assert world.at("ns") == {"evil.example"}


def test_ninety_days_unless_said_otherwise(world: World) -> None:
    world.report("mde", "evil.example")
    world.wait("89d")
    assert world.at("ns") == {"evil.example"}
    world.wait("1d")
    assert world.at("ns") == set()


def test_the_sources_own_expiry_counts_before_aging(world: World) -> None:
    world.report("mde", "short.example", expires_in="1h")
    world.report("mde", "long.example", expires_in="200d")
    world.wait("2h")
    assert world.at("ns") == {"long.example"}
    world.wait("100d")
    assert world.at("ns") == {"long.example"}


def test_being_seen_again_puts_the_end_off(world: World) -> None:
    world.connect("mde", aging="4h")
    world.report("mde", "evil.example")
    world.wait("3h")
    world.report("mde", "evil.example")
    world.wait("3h")
    assert world.at("ns") == {"evil.example"}
    world.wait("1h")
    assert world.at("ns") == set()


def test_it_is_active_as_long_as_any_source_vouches(world: World) -> None:
    world.connect("mde", aging="4h")
    world.connect("lab", aging="8h")
    world.share("lab-too", "lab", "ns", URLS)
    world.report("mde", "evil.example")
    world.report("lab", "evil.example")
    world.wait("5h")
    assert world.indicator("evil.example").active
    assert world.at("ns") == {"evil.example"}
    world.wait("3h")
    assert not world.indicator("evil.example").active
    assert world.at("ns") == set()


@pytest.mark.parametrize("first", ["mde", "lab"])
@pytest.mark.parametrize("other", ["never", "10d"])
def test_what_only_an_expired_source_shared_goes_on_time_although_another_still_vouches(
    world: World, other: str, first: str
) -> None:
    world.connect("mde", aging="4h")
    world.connect("lab", aging=other)
    for source in (first, "lab" if first == "mde" else "mde"):
        world.report(source, "evil.example")
    assert world.at("ns") == {"evil.example"}
    world.wait("4h")
    assert world.at("ns") == set()
    assert world.at("branch") == {"evil.example"}
    assert world.why("evil.example")["mde urls"].verdict is Verdict.EXPIRED


def test_rules_see_only_sources_that_still_vouch(world: World) -> None:
    world.connect("mde", aging="4h")
    world.rule("two", "ioc.sources.size() >= 2")
    world.share("lab-urls", "lab", "branch", URLS, rule="two")
    world.report("mde", "evil.example")
    world.report("lab", "evil.example")
    assert world.at("branch") == {"evil.example"}
    world.wait("4h")
    assert world.at("branch") == set()
    assert world.why("evil.example")["lab lab-urls"].verdict is Verdict.NOT_MATCHED


def test_a_change_of_aging_counts_for_what_is_there(world: World) -> None:
    world.report("mde", "evil.example")
    world.wait("5h")
    world.connect("mde", aging="4h")
    assert world.at("ns") == set()
    world.connect("mde", aging="2d")
    assert world.at("ns") == {"evil.example"}
    world.wait("2d")
    assert world.at("ns") == set()


def test_it_comes_back_when_it_is_seen_again(world: World) -> None:
    world.connect("mde", aging="4h")
    world.report("mde", "evil.example")
    world.wait("5h")
    world.report("mde", "evil.example")
    assert world.at("ns") == {"evil.example"}
    assert world.indicator("evil.example").hits == 2


def test_defender_is_told_when_it_expires(world: World) -> None:
    world.connect("ns", aging="4h")
    world.report("ns", "evil.example")
    told = world.entry("mde", "evil.example").expires_at
    assert told is not None
    assert 0 <= told - (world.now + ms("4h")) < ms("1h"), "never before it is withdrawn, and at a full hour"


def test_or_not_where_the_sharing_says_so_or_it_never_expires(world: World) -> None:
    world.share("block", "ns", "mde", {**BLOCK, "expiry": "never"})
    world.report("ns", "one.example")
    assert world.entry("mde", "one.example").expires_at is None
    world.share("block", "ns", "mde", BLOCK)
    assert world.entry("mde", "one.example").expires_at is not None
    world.connect("ns", aging="never")
    assert world.entry("mde", "one.example").expires_at is None


def test_sightings_within_the_same_day_cost_defender_no_call_each(world: World) -> None:
    world.report("ns", "evil.example")
    for _ in range(5):
        world.wait("1m")
        world.report("ns", "evil.example")
    assert world.written.count(("mde", "defender-action:Block", "evil.example")) <= 2


def test_after_a_month_without_any_source_it_is_forgotten(world: World) -> None:
    world.connect("mde", aging="4h")
    world.report("mde", "evil.example")
    world.wait("29d")
    assert world.why("evil.example")["mde urls"].verdict is Verdict.EXPIRED
    world.wait("2d")
    with pytest.raises(KeyError):
        world.indicator("evil.example")
