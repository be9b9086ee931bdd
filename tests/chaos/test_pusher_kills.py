"""Pushers killed in mid-work: afterwards a tenant holds exactly what is desired, and what others wrote is untouched.

The desired state is written by hand, as the router writes it.
"""

import random
import time
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from schemas.canonical import indicator_id
from schemas.desired import Desired, entry_key
from schemas.resources import resource
from schemas.targets import Target
from schemas.types import IndicatorType, Severity
from schemas.vendors.defender import DefenderAction
from schemas.vendors.netskope import FileHashList, UrlList
from services.runtime.kafka.transactional_producer import OutgoingRecord, TransactionalProducer
from services.runtime.settings import Settings
from services.sandbox.exchange import HASH_LIST, MDE, NETSKOPE, URL_LIST, Exchange
from tests.chaos.kills import KILLS, kill_at_work
from tests.routing import settings_for
from tests.waiting import eventually

BLOCK = DefenderAction(kind="defender-action", action="Block")
URLS = UrlList(kind="url-list", name=URL_LIST)
HASHES = FileHashList(kind="file-hash-list", name=HASH_LIST)
NO_LIMITS = resource("Guard", "default", {})
"""A pusher that is killed before it wrote anything has much to withdraw at once later on; here that is no fault."""


def want(
    settings: Settings, destination: str, target: Target, type_: IndicatorType, values: Iterable[str], *, present: bool
) -> None:
    """Write desired entries, or their tombstones."""
    with closing(TransactionalProducer(settings, "test-router")) as producer:
        producer.write(
            OutgoingRecord(
                settings.topics.desired(destination).name,
                entry_key(target.id, indicator_id(type_, value)).encode(),
                _desired(target, type_, value).encode() if present else None,
            )
            for value in values
        )


def _desired(target: Target, type_: IndicatorType, value: str) -> Desired:
    return Desired(
        target=target,
        type=type_,
        value=value,
        severity=Severity.HIGH,
        reputation=5,
        sources=("s",),
        sharings=("s",),
        content="1",
        reported_at=int(time.time() * 1000),
    )


def test_a_killed_defender_pusher_converges_and_touches_nothing_of_others(
    bootstrap: str, prefix: str, tmp_path: Path
) -> None:
    settings, chance = settings_for(bootstrap, prefix), random.Random(5)
    foreign = {f"foreign{number}.example" for number in range(20)}
    wanted: set[str] = set()
    with Exchange(settings, tmp_path, services=["push_defender"], more=[NO_LIMITS]) as exchange:
        rows = [{"indicatorValue": v, "indicatorType": "DomainName", "action": "Block", "title": "t"} for v in foreign]
        exchange.admin(exchange.mde, "POST", "seed", {"rows": rows})
        for step in range(KILLS):
            fresh = {f"host{step}-{number}.evil.example" for number in range(700)}
            gone = set(chance.sample(sorted(wanted), min(len(wanted), 250)))
            want(settings, MDE, BLOCK, IndicatorType.DOMAIN, fresh, present=True)
            want(settings, MDE, BLOCK, IndicatorType.DOMAIN, gone, present=False)
            wanted = (wanted | fresh) - gone
            kill_at_work(exchange, "push_defender", exchange.mde, chance)

        def wrong() -> int:
            return len({str(row["indicatorValue"]) for row in exchange.defender_rows()} ^ (wanted | foreign))

        eventually(lambda: not wrong(), "the tenant holds what is desired", every_s=0.5, progress=wrong)


def test_a_killed_netskope_pusher_converges_and_touches_nothing_of_others(
    bootstrap: str, prefix: str, tmp_path: Path
) -> None:
    settings, chance = settings_for(bootstrap, prefix), random.Random(6)
    wanted: set[str] = set()
    hashes: set[str] = set()
    with Exchange(settings, tmp_path, services=["push_netskope"], more=[NO_LIMITS]) as exchange:
        lists = [{"name": URL_LIST, "data": {"urls": ["foreign.example"], "type": "exact"}}]
        exchange.admin(exchange.netskope, "POST", "seed", {"url_lists": lists})
        for step in range(KILLS):
            fresh = {f"host{step}-{number}.evil.example" for number in range(200)}
            gone = set(chance.sample(sorted(wanted), min(len(wanted), 80)))
            want(settings, NETSKOPE, URLS, IndicatorType.DOMAIN, fresh, present=True)
            want(settings, NETSKOPE, URLS, IndicatorType.DOMAIN, gone, present=False)
            wanted = (wanted | fresh) - gone
            new = {f"{step:02x}{number:062x}" for number in range(100)}
            old = set(chance.sample(sorted(hashes), min(len(hashes), 40)))
            want(settings, NETSKOPE, HASHES, IndicatorType.SHA256, new, present=True)
            want(settings, NETSKOPE, HASHES, IndicatorType.SHA256, old, present=False)
            hashes = (hashes | new) - old
            kill_at_work(exchange, "push_netskope", exchange.netskope, chance)

        def wrong_urls() -> int:
            return len(exchange.url_list() ^ (wanted | {"foreign.example"}))

        def wrong_hashes() -> int:
            return len(exchange.hash_list() ^ hashes)

        eventually(lambda: not wrong_urls(), "the URL list is as desired", every_s=0.5, progress=wrong_urls)
        eventually(lambda: not wrong_hashes(), "the hash list is as desired", every_s=0.5, progress=wrong_hashes)
