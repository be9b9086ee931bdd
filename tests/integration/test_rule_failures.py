"""A rule that an earlier version accepted and that fails: counted, told once for each policy, harmless to others."""

from pathlib import Path

import pytest

from schemas.activity import Activity
from schemas.level import Level
from schemas.resources import AnyResource, resource
from services.runtime.kafka.bulk_read import read_everything
from tests.routing import CONNECTIONS, DESTINATION, SOURCE, Exchange, numbered
from tests.waiting import eventually

FAILS = "10 / (ioc.hits - 1) > 0"


@pytest.fixture
def exchange(bootstrap: str, prefix: str, tmp_path: Path) -> Exchange:
    return Exchange(bootstrap, prefix, tmp_path)


def sharing(rule: str, action: str) -> AnyResource:
    target = {"kind": "defender-action", "action": action}
    spec = {"source": SOURCE, "destination": DESTINATION, "rule": rule, "target": target}
    return resource("Sharing", f"share-{rule}", spec)


def told(exchange: Exchange) -> list[Activity]:
    """What the activity log says of rules that failed."""
    found = (Activity.decode(raw.value or b"") for raw in read_everything(exchange.settings, activity_topic(exchange)))
    return [said for said in found if said.code == "rule_failed"]


def activity_topic(exchange: Exchange) -> str:
    return exchange.settings.topics.activity.name


def test_it_is_an_alert_and_an_activity_with_its_remedy_and_stops_no_other(exchange: Exchange) -> None:
    rules = [resource("Rule", "odd", {"match": FAILS}), resource("Rule", "sound", {"match": "ioc.hits == 1"})]
    exchange.apply(*CONNECTIONS, *rules, sharing("odd", "Block"), sharing("sound", "Audit"))
    with exchange.start() as router:
        router.wait_ready()
        exchange.report(numbered(number) for number in range(12))  # some in every partition
        eventually(lambda: router.total("ioc_bridge_rule_failures", rule="rule odd") == 12, "12 failures counted")
        eventually(lambda: len(exchange.desired()) == 12, "the other rule shares them")
        eventually(lambda: len(told(exchange)) == 1, "told once")
        said = told(exchange)[0]
        assert said.level is Level.ERROR
        assert said.remedy is not None
        assert "ioc-bridge describe rule odd" in said.remedy
        assert said.items

        exchange.apply(
            resource("Rule", "sound", {"match": "ioc.hits >= 1"})
        )  # another version; the odd one is as it was
        eventually(lambda: len(told(exchange)) == 2, "told again for the new policy")
        eventually(lambda: router.total("ioc_bridge_rule_failures", rule="rule odd") == 12, "counted anew")

        exchange.apply(resource("Rule", "odd", {"match": "ioc.hits <= 1"}))
        eventually(lambda: len(exchange.desired()) == 24, "the mended rule shares them, too")
        eventually(lambda: router.total("ioc_bridge_rule_failures") == 0, "no failure is left")
        assert len(told(exchange)) == 2
