"""Sharings: many feed one target, one indicator goes to many, and what is added, disabled or deleted."""

import pytest

from schemas.request import Verdict
from tests.scenarios.world import BLOCK, HASHES, URLS, World


@pytest.fixture
def world() -> World:
    return World()


def test_several_sharings_feed_one_target(world: World) -> None:
    world.share("from-mde", "mde", "ns", URLS)
    world.share("from-lab", "lab", "ns", URLS)
    world.report("mde", "one.example", "both.example")
    world.report("lab", "two.example", "both.example")
    assert world.at("ns", "url-list:urls") == {"one.example", "two.example", "both.example"}
    assert world.entry("ns", "both.example").sharings == ("from-lab", "from-mde")


def test_what_one_of_them_wanted_goes_with_it_and_the_rest_stays(world: World) -> None:
    test_several_sharings_feed_one_target(world)
    world.delete("sharing/from-mde")
    assert world.at("ns") == {"two.example", "both.example"}


def test_one_indicator_goes_to_several_targets_at_one_destination(world: World) -> None:
    world.share("all", "mde", "ns", URLS)
    world.share("worst", "mde", "ns", {"kind": "url-list", "name": "worst"}, rule="all")
    world.report("mde", "evil.example")
    assert world.at("ns", "url-list:urls") == world.at("ns", "url-list:worst") == {"evil.example"}


def test_a_sharing_goes_one_way(world: World) -> None:
    world.share("urls", "mde", "ns", URLS)
    world.report("ns", "evil.example")
    assert world.at("ns") | world.at("mde") == set()


def test_both_ways_between_all_tenants(world: World) -> None:
    world.share("to-ns", "mde", "ns", URLS)
    world.share("to-mde", "ns", "mde", BLOCK)
    world.share("to-lab", "ns", "lab", BLOCK)
    world.report("mde", "from-mde.example")
    world.report("ns", "from-ns.example")
    assert world.at("ns") == {"from-mde.example"}
    assert world.at("mde") == world.at("lab") == {"from-ns.example"}


def test_what_a_target_cannot_hold_is_skipped_with_its_reason(world: World) -> None:
    world.share("urls", "mde", "ns", URLS)
    world.share("hashes", "mde", "ns", HASHES)
    world.report("mde", "a" * 40, "2001:db8::7", "evil.example")
    assert world.at("ns") == {"evil.example"}
    assert world.skipped("a" * 40) == {
        "ns/file-hash-list:hashes": "hash_type_not_supported",
        "ns/url-list:urls": "other_family",
    }
    assert world.skipped("2001:db8::7")["ns/url-list:urls"] == "ipv6_not_supported"
    assert world.why("a" * 40)["mde hashes"].verdict is Verdict.SKIPPED


def test_a_destination_profile_takes_sites_beside_a_url_list(world: World) -> None:
    world.share("urls", "mde", "ns", URLS)
    world.share("profile", "mde", "ns", {"kind": "destination-profile", "name": "blocked sites"})
    world.report("mde", "evil.example", "http://evil.example/x", "198.51.100.7", "2001:db8::7", "a" * 64)
    sites = {"evil.example", "http://evil.example/x", "198.51.100.7"}
    profile = "destination-profile:blocked%20sites"
    assert world.at("ns", profile) == world.at("ns", "url-list:urls") == sites
    assert world.skipped("2001:db8::7")[f"ns/{profile}"] == "ipv6_not_supported"
    assert world.skipped("a" * 64)[f"ns/{profile}"] == "other_family"
    world.delete("sharing/urls")
    assert (world.at("ns", profile), world.at("ns", "url-list:urls")) == (sites, set())


def test_disabling_withdraws_and_enabling_shares_again(world: World) -> None:
    world.share("urls", "mde", "ns", URLS)
    world.report("mde", "evil.example")
    world.share("urls", "mde", "ns", URLS, enabled=False)
    assert world.at("ns") == set()
    assert world.why("evil.example")["mde urls"].verdict is Verdict.DISABLED
    world.share("urls", "mde", "ns", URLS)
    assert world.at("ns") == {"evil.example"}


def test_an_edit_moves_everything_to_the_new_target(world: World) -> None:
    world.share("urls", "mde", "ns", URLS)
    world.report("mde", "evil.example")
    world.share("urls", "mde", "branch", {"kind": "url-list", "name": "moved"})
    assert (world.at("ns"), world.at("branch", "url-list:moved")) == (set(), {"evil.example"})


@pytest.mark.parametrize(
    ("backfill", "shared"),
    [("all", {"old.example", "recent.example", "new.example"}), ("30d", {"recent.example", "new.example"}),
     ("none", {"new.example"})],
)  # fmt: skip
def test_backfill_says_how_far_back_a_new_sharing_reaches(world: World, backfill: str, shared: set[str]) -> None:
    world.report("mde", "old.example", ago="60d")
    world.report("mde", "recent.example", ago="20d")
    world.wait("1h")
    world.share("urls", "mde", "ns", URLS, backfill=backfill)
    world.report("mde", "new.example")
    assert world.at("ns") == shared
    if "old.example" not in shared:
        assert world.why("old.example")["mde urls"].verdict is Verdict.BEFORE_SHARING


def test_what_was_left_out_is_shared_once_it_is_seen_again(world: World) -> None:
    world.report("mde", "old.example", ago="60d")
    world.wait("1h")
    world.share("urls", "mde", "ns", URLS, backfill="none")
    assert world.at("ns") == set()
    world.report("mde", "old.example")
    assert world.at("ns") == {"old.example"}


def test_an_edit_does_not_make_a_sharing_young_again(world: World) -> None:
    world.share("urls", "mde", "ns", URLS, backfill="none")
    world.wait("1h")
    world.report("mde", "evil.example")
    world.wait("1h")
    world.share("urls", "mde", "ns", {**URLS, "sizeMb": 3}, backfill="none")
    assert world.at("ns") == {"evil.example"}


def test_deleting_with_keep_releases_what_only_it_wanted(world: World) -> None:
    world.share("from-mde", "mde", "ns", URLS)
    world.share("from-lab", "lab", "ns", URLS)
    world.report("mde", "one.example", "both.example")
    world.report("lab", "both.example")
    world.end("from-mde")
    assert world.entry("ns", "one.example").released
    assert not world.entry("ns", "both.example").released
    assert world.entry("ns", "both.example").sharings == ("from-lab",)
    world.delete("sharing/from-mde")
    assert world.at("ns") == {"both.example"}
    assert world.indicator("one.example").desired == {}


def test_keep_is_for_that_sharing_and_not_for_its_neighbour(world: World) -> None:
    world.share("from-mde", "mde", "ns", URLS)
    world.share("from-lab", "lab", "ns", URLS)
    world.report("mde", "kept.example")
    world.report("lab", "withdrawn.example")
    world.end("from-mde")
    world.delete("sharing/from-lab")
    assert world.entry("ns", "kept.example").released
    assert ("ns", "url-list:urls", "withdrawn.example") in world.written
    with pytest.raises(ValueError, match="not enough values"):
        world.entry("ns", "withdrawn.example")


def test_a_kept_entry_is_ours_again_when_it_is_shared_again(world: World) -> None:
    world.share("urls", "mde", "ns", URLS)
    world.report("mde", "evil.example")
    world.end("urls")
    world.delete("sharing/urls")
    world.share("urls", "mde", "ns", URLS)
    assert world.at("ns") == {"evil.example"}


def test_a_repeat_writes_nothing(world: World) -> None:
    world.share("urls", "mde", "ns", URLS)
    for _ in range(3):
        world.report("mde", "evil.example")
    world.wait("1h")
    world.report("mde", "evil.example", comments="seen again")
    assert len(world.written) == 1


def test_a_sharing_whose_source_is_gone_is_not_in_force(world: World) -> None:
    world.share("urls", "mde", "ns", URLS)
    world.report("mde", "evil.example")
    world.delete("connection/mde")
    assert world.at("ns") == set()
    assert world.why("evil.example")["mde urls"].verdict is Verdict.MISFIT
