"""Action mapping for Defender: what is written for each name, and which entry of the table counts."""

import pytest
from pydantic import ValidationError

from schemas.types import IndicatorType
from tests.scenarios.world import World, sharing

HASH, DOMAIN = "a" * 64, "evil.example"


def world(**target: object) -> World:
    found = World()
    found.share("block", "ns", "mde", {"kind": "defender-action", **target})
    found.report("ns", DOMAIN, HASH)
    return found


@pytest.mark.parametrize(
    ("name", "for_urls", "for_hashes"),
    [
        ("unknown", "Audit!", "Audit!"),
        ("allow", "Allowed", "Allowed"),
        ("block", "Block", "Block"),
        ("alert", "Audit!", "Audit!"),
        ("Alert", "Audit!", "Audit!"),
        ("Audit", "Audit!", "Audit!"),
        ("Warn", "Warn", "Warn"),
        ("Block", "Block", "Block"),
        ("Allowed", "Allowed", "Allowed"),
        ("AlertAndBlock", "Block!", "BlockAndRemediate!"),
    ],
)
def test_every_row_of_the_table(name: str, for_urls: str, for_hashes: str) -> None:
    assert world(action=name).actions() == {DOMAIN: for_urls, HASH: for_hashes}


def test_block_and_remediate_is_refused_for_the_url_family() -> None:
    with pytest.raises(ValidationError, match="downgrade: true"):
        sharing("block", "ns", "mde", {"kind": "defender-action", "action": "BlockAndRemediate"})


def test_or_becomes_block_where_the_sharing_says_so() -> None:
    assert world(action="BlockAndRemediate", downgrade=True).actions() == {DOMAIN: "Block", HASH: "BlockAndRemediate"}


def test_generate_alert_is_as_the_sharing_says_but_always_on_for_audit() -> None:
    assert world(action="Block", generateAlert=True).actions() == {DOMAIN: "Block!", HASH: "Block!"}
    assert world(action="Audit", generateAlert=False).actions() == {DOMAIN: "Audit!", HASH: "Audit!"}


def test_action_by_type_and_severity_the_most_specific_wins() -> None:
    found = World()
    table = [
        {"action": "Audit", "severities": ["low"]},
        {"action": "Warn", "families": ["url"]},
        {"action": "Block", "types": ["domain"]},
        {"action": "Allowed", "types": ["domain"], "severities": ["low"]},
        {"action": "skip", "types": ["md5"]},
    ]
    found.share("block", "ns", "mde", {"kind": "defender-action", "action": "BlockAndRemediate", "actions": table,
                                       "downgrade": True})  # fmt: skip
    found.report("ns", "low.example", "198.51.100.7", "b" * 64, "c" * 32, severity="low")
    found.report("ns", "high.example", "198.51.100.8", "d" * 64, severity="high")
    assert found.actions() == {
        "low.example": "Allowed", "198.51.100.7": "Warn", "b" * 64: "Audit!",
        "high.example": "Block", "198.51.100.8": "Warn", "d" * 64: "BlockAndRemediate",
    }  # fmt: skip
    assert found.skipped("c" * 32) == {"mde/defender-action": "skipped_by_action_table"}


def test_an_indicator_whose_severity_rises_moves_to_its_new_action() -> None:
    found = World()
    table = [{"action": "Block", "severities": ["high"]}]
    found.share("block", "ns", "mde", {"kind": "defender-action", "action": "Audit", "actions": table})
    found.report("ns", DOMAIN, severity="low")
    assert found.actions() == {DOMAIN: "Audit!"}
    found.wait("1h")
    found.report("ns", DOMAIN, severity="high")
    assert found.actions() == {DOMAIN: "Block"}


def test_every_type_has_an_action() -> None:
    found = World()
    found.share("block", "ns", "mde", {"kind": "defender-action", "action": "AlertAndBlock"})
    values = ["http://a.example/x", "a.example", "198.51.100.7", "2001:db8::7", "a" * 32, "a" * 40, "a" * 64]
    found.report("ns", *values)
    assert len(found.actions()) == len(IndicatorType)
