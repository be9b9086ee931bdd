"""Holds as they are kept in Kafka, by pullers and pushers as they run: one for each thing held, through kills, until a
person confirms. And rows that lost our mark, which a puller knows by its pusher's record.
"""

import time
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from schemas.desired import RELEASED, Applied, AppliedState
from schemas.hold import LISTING, Hold, HoldKind, hold_id
from schemas.level import Level
from schemas.resources import resource
from schemas.types import IndicatorType
from services.runtime.kafka.bulk_read import latest
from services.runtime.kafka.transactional_producer import OutgoingRecord, TransactionalProducer
from services.runtime.polling.owned_ids import OwnedIds
from services.runtime.settings import Settings
from services.sandbox.exchange import MDE, Exchange
from tests.chaos.test_puller_kills import store
from tests.chaos.test_pusher_kills import BLOCK, want
from tests.integration.services import activities, applied, exchange_of
from tests.waiting import eventually

DOMAIN = IndicatorType.DOMAIN
VALUES = {f"h{number}.evil.example" for number in range(150)}


def holds(settings: Settings) -> list[Hold]:
    return [Hold.decode(value) for value in latest(settings, settings.topics.holds.name).values()]


def confirm(exchange: Exchange, subject: str, kind: HoldKind) -> None:
    now = int(time.time() * 1000)
    spec = {"connection": MDE, "subject": subject, "verdict": "confirm", "at": now, "until": now + 3_600_000}
    exchange.apply([resource("Verdict", hold_id(MDE, subject, kind), spec)])


def seed(exchange: Exchange, *values: str) -> None:
    exchange.admin(exchange.mde, "POST", "seed", {"rows": [{"indicatorValue": value} for value in values]})


def values(exchange: Exchange) -> set[str]:
    return {str(row["indicatorValue"]) for row in exchange.defender_rows()}


def killed_and_started(exchange: Exchange, name: str) -> None:
    exchange.services[name].kill()
    exchange.start(name).wait_ready()


def test_a_target_that_would_be_emptied_is_held_through_a_kill_until_a_person_confirms(
    bootstrap: str, tmp_path: Path
) -> None:
    with exchange_of(bootstrap, tmp_path, ["push_defender"]) as exchange:
        settings = exchange.settings
        want(settings, MDE, BLOCK, DOMAIN, VALUES, present=True)
        eventually(lambda: len(applied(settings, MDE)) == 150, "all are there")
        want(settings, MDE, BLOCK, DOMAIN, VALUES, present=False)
        eventually(lambda: [hold.count for hold in holds(settings)] == [150], "the withdrawal is held")
        before = holds(settings)
        killed_and_started(exchange, "push_defender")
        want(settings, MDE, BLOCK, DOMAIN, ["new.example"], present=True)
        eventually(lambda: "new.example" in values(exchange), "other changes go on")
        service = exchange.services["push_defender"]
        eventually(lambda: service.total("ioc_bridge_held", kind="target_would_shrink") == 150, "the metric says so")
        assert (values(exchange), holds(settings)) == ({*VALUES, "new.example"}, before)
        reasons = [entry.reason.code for entry in applied(settings, MDE).values() if entry.reason]
        assert reasons == ["guard_shrink"] * 150
        (told,) = [activity for activity in activities(settings) if activity.code == "target_would_shrink"]
        assert told.level is Level.WARNING
        assert told.remedy is not None
        assert f"ioc-bridge confirm {before[0].id}" in told.remedy
        confirm(exchange, BLOCK.id, HoldKind.TARGET_WOULD_SHRINK)
        eventually(lambda: values(exchange) == {"new.example"}, "what was confirmed is gone")
        eventually(lambda: len(applied(settings, MDE)) == 1, "so are its records")
        assert holds(settings) == []


def test_an_emptied_listing_is_held_through_a_kill_until_a_person_confirms(bootstrap: str, tmp_path: Path) -> None:
    with exchange_of(bootstrap, tmp_path, ["pull_defender"]) as exchange:
        settings = exchange.settings
        seed(exchange, *VALUES)
        eventually(lambda: store(settings, MDE) == VALUES, "all are reported", every_s=0.3)
        exchange.admin(exchange.mde, "POST", "rows/delete", {"values": sorted(VALUES)})
        eventually(lambda: [hold.count for hold in holds(settings)] == [150], "the withdrawal is held")
        before = holds(settings)
        killed_and_started(exchange, "pull_defender")
        seed(exchange, "new.example")
        eventually(lambda: store(settings, MDE) == {*VALUES, "new.example"}, "what is new is reported", every_s=0.3)
        assert holds(settings) == before
        assert exchange.services["pull_defender"].total("ioc_bridge_held", kind="listing_shrank") == 150
        confirm(exchange, LISTING, HoldKind.LISTING_SHRANK)
        eventually(lambda: store(settings, MDE) == {"new.example"}, "what was confirmed is withdrawn", every_s=0.3)
        eventually(lambda: holds(settings) == [], "nothing is held")


def test_a_row_of_ours_that_lost_its_mark_is_not_reported_back(bootstrap: str, tmp_path: Path) -> None:
    with exchange_of(bootstrap, tmp_path, ["pull_defender", "push_defender"]) as exchange:
        settings, puller = exchange.settings, exchange.services["pull_defender"]
        want(settings, MDE, BLOCK, DOMAIN, ["ours.example"], present=True)
        eventually(lambda: len(applied(settings, MDE)) == 1, "it is there")
        eventually(lambda: puller.total("ioc_bridge_skipped_total", reason="ours") == 1, "it is known by its mark")
        (row,) = exchange.defender_rows()
        exchange.admin(exchange.mde, "PATCH", f"rows/{row['id']}", {"externalId": None, "description": "edited"})
        polls = puller.total("ioc_bridge_polls_total")
        seed(exchange, "theirs.example")
        eventually(lambda: store(settings, MDE), "what others wrote is reported", every_s=0.3)
        eventually(lambda: puller.total("ioc_bridge_polls_total") > polls + 2, "the tenant was listed again")
        assert store(settings, MDE) == {"theirs.example"}
        killed_and_started(exchange, "pull_defender")
        again = exchange.services["pull_defender"]
        eventually(lambda: again.total("ioc_bridge_skipped_total", reason="ours") == 1, "a fresh process knows it, too")
        assert store(settings, MDE) == {"theirs.example"}


def test_the_record_of_what_we_put_there_is_followed_and_need_not_exist(bootstrap: str, tmp_path: Path) -> None:
    with exchange_of(bootstrap, tmp_path, []) as exchange:
        settings = exchange.settings
        context = cast("Any", SimpleNamespace(settings=settings))
        with closing(OwnedIds(context, "nobody")) as nothing:
            assert nothing.ids() == frozenset()
        with closing(OwnedIds(context, MDE)) as placed, closing(TransactionalProducer(settings, "test")) as producer:

            def write(key: str, value: bytes | None) -> None:
                producer.write([OutgoingRecord(settings.topics.applied(MDE).name, key.encode(), value)])

            record = Applied(
                state=AppliedState.APPLIED, target=BLOCK, type=DOMAIN, value="a.example", content="c", remote_id="7",
                reported_at=1, at=1,
            )  # fmt: skip

            def becomes(ids: set[str], why: str) -> None:
                eventually(lambda: placed.ids() == ids, why)  # what is committed is readable a moment later

            becomes(set(), "nothing was recorded yet")
            write("a", record.encode())
            write("b", record.model_copy(update={"remote_id": "8"}).encode())
            becomes({"7", "8"}, "what was recorded is ours")
            write("b", b"not a record")
            write("a", None)
            becomes({"8"}, "what was known stays where a record cannot be read")
            write("b", record.model_copy(update={"remote_id": "8", "reason": RELEASED}).encode())
            becomes(set(), "what was released is not ours")
