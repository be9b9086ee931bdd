"""The indicator record: what several sources together say, by the chosen policy."""

import pytest

from schemas.types import Severity
from tests.scenarios.world import URLS, World


@pytest.fixture
def world() -> World:
    """`old` spoke first and worst, `mde` last."""
    found = World()
    found.report("lab", "evil.example", severity="critical", reputation=9, tags=("c2",), comments="by lab")
    found.wait("1d")
    found.report("mde", "evil.example", severity="low", reputation=2, tags=("adware",), comments="by mde")
    return found


@pytest.mark.parametrize("choice", ["oldest", "highest_severity"])
def test_the_older_and_more_severe_counts_where_that_is_chosen(world: World, choice: str) -> None:
    world.merge_by(severity=choice, reputation=choice, tags=choice)
    found = world.indicator("evil.example")
    assert (found.severity, found.reputation, found.tags, found.comments) == (Severity.CRITICAL, 9, ("c2",), "by lab")


def test_the_newest_counts_by_default(world: World) -> None:
    found = world.indicator("evil.example")
    assert (found.severity, found.reputation, found.tags, found.comments) == (Severity.LOW, 2, ("adware",), "by mde")


def test_each_field_is_chosen_for_itself(world: World) -> None:
    world.merge_by(severity="highest_severity", reputation="newest", tags="oldest")
    found = world.indicator("evil.example")
    assert (found.severity, found.reputation, found.tags) == (Severity.CRITICAL, 2, ("c2",))


def test_a_change_of_merging_changes_what_is_shared(world: World) -> None:
    world.rule("severe", 'ioc.severity == "critical"')
    world.share("urls", "mde", "ns", URLS, rule="severe")
    assert world.at("ns") == set()
    world.merge_by(severity="highest_severity")
    assert world.at("ns") == {"evil.example"}
    world.delete("merging/default")
    assert world.at("ns") == set()


def test_only_sources_that_vouch_are_merged(world: World) -> None:
    world.merge_by(severity="highest_severity")
    world.withdraw("lab", "evil.example")
    assert world.indicator("evil.example").severity is Severity.LOW


def test_an_overridden_reputation_replaces_the_sources_own(world: World) -> None:
    world.connect("mde", overrideReputation=10)
    assert world.indicator("evil.example").reputation == 10
    world.connect("mde")
    assert world.indicator("evil.example").reputation == 2


def test_first_and_last_seen_span_all_sources_and_hits_add_up(world: World) -> None:
    world.wait("1d")
    world.report("mde", "evil.example")
    world.report("lab", "evil.example", ago="90d")
    found = world.indicator("evil.example")
    assert found.last_seen == world.now
    assert found.first_seen < found.sources["mde"].first_seen
    assert (found.hits, found.sources["mde"].hits, found.sources["lab"].hits) == (3, 2, 1)


def test_one_indicator_in_any_spelling(world: World) -> None:
    world.share("urls", "ns", "branch", URLS)
    world.report("ns", "hxxp://Evil[.]example:80/A", "http://evil.example/A")
    assert world.at("branch") == {"http://evil.example/A"}


def test_it_says_where_it_is_wanted_and_why_not_elsewhere(world: World) -> None:
    world.share("urls", "mde", "ns", URLS)
    world.share("hashes", "mde", "ns", {"kind": "file-hash-list", "name": "hashes"})
    found = world.indicator("evil.example")
    assert set(found.desired) == {"ns/url-list:urls"}
    assert found.skipped == {"ns/file-hash-list:hashes": "other_family"}
