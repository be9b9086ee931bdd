"""Policy at work in a router process: mutes, expiry, changes while reports flow, and a kill in mid re-evaluation."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from schemas.progress import PROGRESS_KEY, Progress
from schemas.report import Verb
from schemas.resources import AnyResource, resource
from services.runtime.clock import now_ms
from services.runtime.kafka.bulk_read import latest
from tests.routing import CONNECTIONS, DESTINATION, SHARING, SOURCE, Exchange, numbered
from tests.waiting import eventually


@pytest.fixture
def exchange(bootstrap: str, prefix: str, tmp_path: Path) -> Exchange:
    return Exchange(bootstrap, prefix, tmp_path)


def aging(duration: str) -> AnyResource:
    spec = {"type": "netskope", "tenantUrl": "http://127.0.0.1:1", "v2Token": {"env": "NONE"}, "aging": duration}
    return resource("Connection", SOURCE, spec)


def rule(match: str = "true", **spec: object) -> AnyResource:
    return resource("Rule", "rule", {"match": match, **spec})


BY_RULE = resource(
    "Sharing",
    "share",
    {
        "source": SOURCE,
        "destination": DESTINATION,
        "rule": "rule",
        "target": {"kind": "defender-action", "action": "Block"},
    },
)


def progress(exchange: Exchange) -> list[Progress]:
    """How far each partition has come."""
    topic = exchange.settings.topics.indicators.name
    found = (latest(exchange.settings, topic, number) for number in range(exchange.settings.partitions))
    return [Progress.decode(records[PROGRESS_KEY]) for records in found if PROGRESS_KEY in records]


def test_expiry_withdraws_on_time_without_a_new_event(exchange: Exchange) -> None:
    exchange.apply(*CONNECTIONS, aging("8s"), SHARING)
    with exchange.start() as router:
        router.wait_ready()
        seen = now_ms()
        exchange.report(
            numbered(number).model_copy(update={"observed_at": seen, "first_seen": seen, "last_seen": seen})
            for number in range(20)
        )
        eventually(lambda: router.total("ioc_bridge_desired_changes_total", verb="put") == 20, "20 shared")
        eventually(lambda: router.total("ioc_bridge_desired_changes_total", verb="withdraw") == 20, "20 withdrawn")
        assert now_ms() >= seen + 8_000, "not before they expired"
        assert exchange.desired() == {}
    assert not any(found.active for found in exchange.indicators().values())


def test_a_mute_ends_by_itself(exchange: Exchange) -> None:
    until = datetime.now(UTC) + timedelta(seconds=8)
    exchange.apply(*CONNECTIONS, rule(mute={"until": until}), BY_RULE)
    with exchange.start() as router:
        router.wait_ready()
        exchange.report(numbered(number) for number in range(20))
        eventually(lambda: router.total("ioc_bridge_routed_total") == 20, "20 routed")
        assert exchange.desired() == {} or datetime.now(UTC) >= until
        eventually(lambda: len(exchange.desired()) == 20, "shared when the mute is over")
        assert datetime.now(UTC) >= until


def test_policy_changes_while_reports_flow_end_as_if_there_had_been_only_the_last(exchange: Exchange) -> None:
    exchange.apply(*CONNECTIONS, rule('ioc.comments == "even"'), BY_RULE)
    with exchange.start() as router:
        router.wait_ready()
        for wave in range(6):
            numbers = range(wave * 200, wave * 200 + 200)
            exchange.report(numbered(number, comments="even" if number % 2 == 0 else "odd") for number in numbers)
            exchange.apply(rule(f'ioc.comments == "{"odd" if wave % 2 == 0 else "even"}"'))
        exchange.apply(rule('ioc.comments == "odd"'))
        exchange.report(numbered(number, 1, Verb.WITHDRAW) for number in range(1, 100, 2))
        odd = {f"host{number}.evil.example" for number in range(101, 1_200, 2)}
        eventually(lambda: {entry.value for entry in exchange.desired().values()} == odd, "exactly the odd ones")


def test_a_reevaluation_goes_on_where_a_killed_router_stopped(exchange: Exchange) -> None:
    total = 13_000
    exchange.apply(*CONNECTIONS)
    with exchange.start() as router:
        router.wait_ready()
        exchange.report(numbered(number) for number in range(total))
        eventually(lambda: router.total("ioc_bridge_routed_total") == total, "all routed")
        exchange.apply(SHARING)
        eventually(lambda: router.total("ioc_bridge_reevaluation_left") > 0, "a slice is done", every_s=0.01)
        router.kill()
    left = progress(exchange)
    assert any(found.reevaluating and 0 < found.done < found.of for found in left), "it can be seen how far it came"
    with exchange.start() as router:
        wanted = exchange.settings.topics.desired(DESTINATION).name

        def shared() -> int:
            return len(latest(exchange.settings, wanted))

        eventually(lambda: shared() == total, "all of them are shared", every_s=1, progress=shared)
        again = router.total("ioc_bridge_reevaluated_total")
        done = sum(found.done if found.reevaluating else found.of for found in left)
        assert again <= total - done, f"{done} were done already"
        eventually(lambda: router.total("ioc_bridge_reevaluation_left") == 0, "nothing left")
    assert not any(found.reevaluating for found in progress(exchange))
