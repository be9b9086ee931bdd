"""Business rules: a predicate, its exceptions, a mute, a folder; and every change takes effect at once."""

from datetime import UTC, datetime

import pytest

from schemas.request import Verdict
from tests.scenarios.world import URLS, World, ms


@pytest.fixture
def world() -> World:
    found = World()
    found.rule("severe", 'ioc.severity in ["high", "critical"]')
    found.share("urls", "mde", "ns", URLS, rule="severe")
    found.report("mde", "high.example", severity="high", tags=("phish",))
    found.report("mde", "critical.example", severity="critical", tags=("phish", "test"))
    found.report("mde", "low.example", severity="low")
    return found


def test_only_what_the_rule_matches_is_shared(world: World) -> None:
    assert world.at("ns") == {"high.example", "critical.example"}
    why = world.why("low.example")["mde urls"]
    assert (why.verdict, why.detail) == (Verdict.NOT_MATCHED, 'ioc.severity in ["high", "critical"]')


def test_rule_all_exists_from_the_start_and_matches_everything(world: World) -> None:
    world.share("all-urls", "mde", "ns", {"kind": "url-list", "name": "everything"})
    assert world.at("ns", "url-list:everything") == {"high.example", "critical.example", "low.example"}


def test_editing_adds_what_newly_matches_and_withdraws_what_no_longer_does(world: World) -> None:
    world.rule("severe", 'ioc.severity == "low"')
    assert world.at("ns") == {"low.example"}


def test_exceptions_by_tag_and_by_expression(world: World) -> None:
    severe = 'ioc.severity in ["high", "critical"]'
    world.rule("severe", severe, exceptions=[{"tags": ["test"], "description": "exercises"}])
    assert world.at("ns") == {"high.example"}
    assert world.why("critical.example")["mde urls"].verdict is Verdict.EXCEPTED
    world.rule("severe", severe, exceptions=[{"tags": ["test"]}, {"cel": 'ioc.value.startsWith("high.")'}])
    assert world.at("ns") == set()
    assert "startsWith" in world.why("high.example")["mde urls"].detail
    world.rule("severe", severe)
    assert world.at("ns") == {"high.example", "critical.example"}


def test_muting_withdraws_and_unmuting_shares_again(world: World) -> None:
    severe = 'ioc.severity in ["high", "critical"]'
    world.rule("severe", severe, mute=True)
    assert world.at("ns") == set()
    assert world.why("high.example")["mde urls"].verdict is Verdict.MUTED
    world.rule("severe", severe, mute=False)
    assert world.at("ns") == {"high.example", "critical.example"}


def test_a_mute_ends_by_itself_when_it_says_so(world: World) -> None:
    until = datetime.fromtimestamp((world.now + ms("4h")) / 1000, UTC)
    world.rule("severe", 'ioc.severity in ["high", "critical"]', mute={"until": until})
    world.wait("3h")
    world.report("mde", "new.example", severity="high")
    assert world.at("ns") == set()
    assert "until" in world.why("new.example")["mde urls"].detail
    world.wait("61m")
    assert world.at("ns") == {"high.example", "critical.example", "new.example"}


def test_a_mute_that_is_over_already_mutes_nothing(world: World) -> None:
    past = datetime.fromtimestamp((world.now - 1) / 1000, UTC)
    world.rule("severe", 'ioc.severity == "high"', mute={"until": past})
    assert world.at("ns") == {"high.example"}


def test_deleting_a_rule_takes_its_sharings_out_of_force(world: World) -> None:
    world.delete("rule/severe")
    assert world.at("ns") == set()
    why = world.why("high.example")["mde urls"]
    assert why.verdict is Verdict.MISFIT
    assert "there is no Rule named severe" in why.detail


def test_a_folder_and_a_description_are_for_people_only(world: World) -> None:
    before = list(world.written)
    world.rule("severe", 'ioc.severity in ["high", "critical"]', folder="phishing/mail", description="the worst")
    assert world.written == before


def test_a_report_that_changes_what_a_rule_sees_moves_the_indicator(world: World) -> None:
    world.wait("1h")
    world.report("mde", "low.example", severity="high")
    world.report("mde", "high.example", severity="low")
    assert world.at("ns") == {"critical.example", "low.example"}


def test_rules_see_every_field(world: World) -> None:
    sees = (
        'ioc.value == "seen.example" && ioc.type == "domain" && ioc.family == "url" && ioc.reputation == 9'
        ' && "c2" in ioc.tags && ioc.sources == ["mde"] && ioc.first_seen == ioc.last_seen'
        ' && ioc.expires_at > ioc.last_seen && ioc.comments.contains("beacon") && ioc.hits == 1 && ioc.active'
    )
    world.rule("severe", sees)
    world.report("mde", "seen.example", reputation=9, tags=("c2",), comments="a beacon")
    assert world.at("ns") == {"seen.example"}


def test_a_rule_that_fails_for_an_indicator_shares_nothing_and_says_so(world: World) -> None:
    world.rule("severe", "10 / (ioc.reputation - 5) >= 1")
    world.report("mde", "five.example", reputation=5)
    world.report("mde", "nine.example", reputation=9)
    assert world.at("ns") == {"nine.example"}
    assert world.skipped("five.example") == {"ns/url-list:urls": "rule_failed"}
    why = world.why("five.example")["mde urls"]
    assert why.verdict is Verdict.RULE_FAILED
    assert "10 / (ioc.reputation - 5) >= 1 cannot be evaluated for it" in why.detail
    assert "ioc-bridge describe rule severe" in why.detail
