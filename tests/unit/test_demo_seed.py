"""Seeding the demo: every line of the sample is accounted for, the policy file is good, steps do as they are named."""

from collections import Counter

from schemas.policy import Policy
from schemas.types import IndicatorType
from services.sandbox.demo.expect import expect
from services.sandbox.demo.seed import example_policy, sample, seeded
from services.sandbox.demo.steps import effects, steps


def test_the_example_policy_fits_together_and_names_no_secret() -> None:
    policy = Policy.of(example_policy())
    assert not policy.misfits()
    assert {sharing.spec.target.kind for sharing in policy.sharings.values()} == {
        "url-list", "file-hash-list", "defender-action",
    }  # fmt: skip


def test_every_line_is_at_a_tenant_or_refused_with_a_reason() -> None:
    lines = sample()
    found = seeded(lines, example_policy())
    there = len(found.world.rows) + len(found.world.alerts) - found.made_up - found.at_both
    assert there + sum(map(len, found.refused.values())) == found.lines == len(lines)


def test_lines_that_mean_the_same_are_seeded_once() -> None:
    found = seeded(["evil.example", "EVIL.example.", "/x"], example_policy())
    assert {reason: len(texts) for reason, texts in found.refused.items()} == {
        "same_as_another_line": 1, "not_recognised": 1,
    }  # fmt: skip


def test_defender_gets_every_type_and_netskope_all_that_its_alerts_tell_of() -> None:
    world = seeded(sample(), example_policy()).world
    assert Counter(row.type for row in world.rows.values()).keys() == set(IndicatorType)
    assert {alert.type for alert in world.alerts} == set(IndicatorType) - {IndicatorType.SHA1, IndicatorType.IPV6}


def test_every_step_has_something_to_be_seen_and_every_way_is_gone() -> None:
    world = seeded(sample(), example_policy()).world
    ways = Counter[tuple[str, str]]()
    was = expect(world)
    for step in steps(world, 4):
        for change in step.changes:
            before, was = was, expect(change.after)
            ways.update((change.origin, vendor) for vendor in effects(before, was).values())
    assert ways.keys() == {
        ("Defender", "Netskope"), ("Netskope", "Defender"), ("Defender", "Defender"), ("policy", "Defender"),
    }  # fmt: skip
