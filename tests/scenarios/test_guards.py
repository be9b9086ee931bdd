"""Guards: what is never shared. The guard `default` is there from the start; docs/reference/guards.md."""

import pytest

from schemas.request import Verdict
from schemas.resources import resource
from tests.scenarios.world import BLOCK, URLS, World


@pytest.fixture
def world() -> World:
    found = World()
    found.share("urls", "mde", "ns", URLS)
    found.share("lab", "mde", "lab", BLOCK)
    return found


def test_special_addresses_are_never_shared(world: World) -> None:
    world.report("mde", "10.0.0.1", "http://192.168.1.1/x", "127.0.0.1", "printer.local", "198.51.100.7")
    assert world.at("ns") == {"198.51.100.7"}
    assert world.skipped("10.0.0.1")["ns/url-list:urls"] == "guard_special_address"


def test_well_known_names_are_never_shared(world: World) -> None:
    world.report("mde", "www.google.com", "evil.example")
    assert world.at("ns") == {"evil.example"}
    why = world.why("www.google.com")["mde urls"]
    assert (why.verdict, why.reason) == (Verdict.SKIPPED, "guard_warning_list")
    assert "guard default" in why.detail


@pytest.mark.parametrize(
    ("allow", "kept_back"),
    [
        ({"values": ["hxxp://Good[.]example/a"]}, {"http://good.example/a"}),
        ({"networks": ["198.51.100.0/24"]}, {"198.51.100.7", "http://198.51.100.8/a"}),
        ({"domains": ["good.example"]}, {"good.example", "a.good.example", "http://good.example/a"}),
        ({"cel": ['ioc.tags.exists(tag, tag == "ours")']}, {"ours.example"}),
    ],
)
def test_the_teams_own_allow_list(world: World, allow: object, kept_back: set[str]) -> None:
    plain = {"good.example", "a.good.example", "http://good.example/a", "198.51.100.7", "http://198.51.100.8/a"}
    world.report("mde", *plain, "evil.example")
    world.report("mde", "ours.example", tags=("ours",))
    everything = {*plain, "evil.example", "ours.example"}
    assert world.at("ns") == everything
    world.guard("team", allow=allow)
    assert world.at("ns") == everything - kept_back
    assert {world.skipped(value)["ns/url-list:urls"] for value in kept_back} == {"guard_allow_list"}
    world.delete("guard/team")
    assert world.at("ns") == everything


def test_an_allow_list_that_cannot_be_evaluated_keeps_back_what_it_fails_for(world: World) -> None:
    world.guard("team", allow={"cel": ["10 / (ioc.reputation - 5) > 100"]})
    world.report("mde", "five.example", reputation=5)
    world.report("mde", "nine.example", reputation=9)
    assert world.at("ns") == {"nine.example"}
    assert set(world.skipped("five.example").values()) == {"guard_failed"}
    assert "guard team" in world.why("five.example")["mde urls"].detail


def test_a_guard_may_be_for_one_destination_only(world: World) -> None:
    world.guard("team", connections=["lab"], allow={"domains": ["good.example"]})
    world.report("mde", "good.example")
    assert (world.at("ns"), world.at("lab")) == ({"good.example"}, set())


def test_the_default_guard_can_be_replaced_and_comes_back(world: World) -> None:
    world.report("mde", "10.0.0.1")
    world.apply(resource("Guard", "default", {"specialAddresses": False}))
    assert world.at("ns") == {"10.0.0.1"}
    world.delete("guard/default")
    assert world.at("ns") == set()


def test_a_public_suffix_is_never_shared_unless_a_guard_names_it(world: World) -> None:
    world.report("mde", "co.uk", "github.io", "amazonaws.com", "https://s3.amazonaws.com/", "evil.github.io")
    assert world.at("ns") == {"evil.github.io"}
    assert world.skipped("co.uk")["ns/url-list:urls"] == "guard_public_suffix"
    why = world.why("amazonaws.com")["mde urls"]
    assert (why.verdict, why.reason) == (Verdict.SKIPPED, "guard_public_suffix")
    assert "covers the public suffix" in why.detail
    world.guard("team", shareSuffixes=["github.io"])
    assert world.at("ns") == {"evil.github.io", "github.io"}
    world.delete("guard/team")
    assert world.at("ns") == {"evil.github.io"}


def test_entries_as_people_write_them_protect(world: World) -> None:
    domains = ["https://corp4.example/", "corp8.example/", "corp9.example:443", "a.example, b.example"]
    world.guard("team", allow={"domains": domains})
    names = {"corp4.example", "x.corp8.example", "corp9.example", "a.example", "x.b.example"}
    world.report("mde", *names, "corp5.example")
    assert world.at("ns") == {"corp5.example"}
    assert {world.skipped(name)["ns/url-list:urls"] for name in names} == {"guard_allow_list"}
