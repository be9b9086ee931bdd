"""Both pushers as they run: what is desired is at the tenants, known as applied, and written once."""

from collections.abc import Iterator
from functools import partial

import pytest

from schemas.desired import AppliedState
from schemas.types import IndicatorType
from services.sandbox.exchange import HASH_LIST, MDE, NETSKOPE, URL_LIST, Exchange
from services.sandbox.processes import ServiceProcess
from tests.chaos.test_pusher_kills import BLOCK, HASHES, URLS, want
from tests.integration.services import activities, applied, exchange_of, writes
from tests.waiting import eventually

PUSHERS = ("push_defender", "push_netskope")
DOMAIN, IPV4, SHA256 = IndicatorType.DOMAIN, IndicatorType.IPV4, IndicatorType.SHA256
DOMAINS = {f"h{number}.evil.example" for number in range(600)}
FILES = {f"{number:064x}" for number in range(1, 91)}
REFUSED = "refused.evil.example"
WORDS = "The value is on the allow list of the vendor."


@pytest.fixture(scope="module")
def exchange(bootstrap: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    """The pushers, after they did what is desired."""
    with exchange_of(bootstrap, tmp_path_factory.mktemp("push"), ()) as exchange:
        foreign = {"rows": [{"indicatorValue": "foreign.example"}, {"indicatorValue": "h0.evil.example"}]}
        exchange.admin(exchange.mde, "POST", "seed", foreign)
        refusal = {"kind": "partial_batch", "params": {"values": [REFUSED], "reason": WORDS}}
        exchange.admin(exchange.mde, "POST", "faults", refusal)
        lists = [{"name": URL_LIST, "data": {"urls": ["foreign.example"], "type": "exact"}}]
        exchange.admin(exchange.netskope, "POST", "seed", {"url_lists": lists})
        exchange.admin(exchange.netskope, "POST", "switches", {"addresses": False})
        settings = exchange.settings
        want(settings, MDE, BLOCK, DOMAIN, {*DOMAINS, REFUSED}, present=True)
        want(settings, MDE, BLOCK, IPV4, ["10.0.0.1"], present=True)
        want(settings, NETSKOPE, URLS, DOMAIN, DOMAINS, present=True)
        want(settings, NETSKOPE, URLS, IPV4, ["198.51.100.7"], present=True)
        want(settings, NETSKOPE, HASHES, SHA256, FILES, present=True)
        for name in PUSHERS:
            exchange.start(name)
        eventually(lambda: len(applied(settings, MDE)) == len(DOMAINS) + 2, "Defender's entries are accounted for")
        number = len(DOMAINS) + len(FILES) + 1
        eventually(lambda: len(applied(settings, NETSKOPE)) == number, "Netskope's entries are accounted for")
        for name in PUSHERS:
            process = exchange.services[name]
            eventually(partial(entries, process, "pending", 0), "nothing is pending")
        yield exchange


def entries(process: ServiceProcess, state: str, count: int) -> bool:
    return process.total("ioc_bridge_entries", state=state) == count


def remarks(exchange: Exchange, destination: str) -> dict[str, tuple[str, str, str]]:
    """State, reason and detail of every entry that something is to be said of."""
    found = applied(exchange.settings, destination)
    return {
        entry.value: (entry.state, entry.reason.code, entry.reason.detail) for entry in found.values() if entry.reason
    }


def test_the_tenants_hold_what_is_desired_and_what_others_wrote(exchange: Exchange) -> None:
    assert {row["indicatorValue"] for row in exchange.defender_rows()} == DOMAINS | {"foreign.example"}
    unmarked = [row["indicatorValue"] for row in exchange.defender_rows() if row["externalId"] is None]
    assert sorted(unmarked) == ["foreign.example", "h0.evil.example"], "rows of others are as they were"
    assert exchange.url_list() == DOMAINS | {"foreign.example"}
    assert exchange.hash_list() == FILES


def test_every_entry_has_a_record_and_what_is_not_there_has_the_reason(exchange: Exchange) -> None:
    said = remarks(exchange, MDE)
    assert said.pop(REFUSED) == ("rejected", "vendor_rejected", WORDS)
    assert {value: told[:2] for value, told in said.items()} == {
        "10.0.0.1": ("skipped", "internal_address"),
        "h0.evil.example": ("applied", "already_there"),
    }
    said = remarks(exchange, NETSKOPE)
    assert {value: told[:2] for value, told in said.items()} == {"198.51.100.7": ("rejected", "vendor_rejected")}
    states = [entry.state for entry in applied(exchange.settings, NETSKOPE).values()]
    assert states.count(AppliedState.APPLIED) == len(DOMAINS) + len(FILES)


def test_people_are_told_what_was_rejected_and_skipped(exchange: Exchange) -> None:
    def told() -> set[tuple[str | None, str, str]]:
        said = activities(exchange.settings)
        return {(one.connection, one.code, item.subject) for one in said for item in one.items}

    expected = {
        (MDE, "rejected", f"domain:{REFUSED}"),
        (MDE, "skipped", "ipv4:10.0.0.1"),
        (NETSKOPE, "rejected", "ipv4:198.51.100.7"),
    }
    eventually(lambda: expected <= told(), "all three are listed")


def test_metrics_say_how_it_stands(exchange: Exchange) -> None:
    defender, netskope = (exchange.services[name] for name in PUSHERS)
    states = {"desired": 602, "applied": 600, "rejected": 1, "skipped": 1, "pending": 0, "held": 0, "failed": 0}
    for state, count in states.items():
        eventually(partial(entries, defender, state, count), state)
    assert defender.total("ioc_bridge_pushed_total", connection=MDE, verb="put") == len(DOMAINS)
    assert netskope.total("ioc_bridge_pushed_total", connection=NETSKOPE, verb="put") == len(DOMAINS) + len(FILES)
    assert netskope.total("ioc_bridge_list_bytes", target=HASHES.id) == 65 * len(FILES)
    eventually(lambda: netskope.total("ioc_bridge_oldest_pending_seconds") == 0, "nothing waits, so nothing has an age")


def test_a_fresh_process_writes_nothing_again_and_goes_on_from_there(exchange: Exchange) -> None:
    for name in PUSHERS:
        exchange.services[name].ask_to_leave()
    assert [exchange.services[name].stop() for name in PUSHERS] == [0, 0]
    before = [writes(exchange, tenant) for tenant in (exchange.mde, exchange.netskope)]
    for name in PUSHERS:
        exchange.start(name).wait_ready()
    for name, destination in zip(PUSHERS, (MDE, NETSKOPE), strict=True):
        process = exchange.services[name]
        eventually(partial(process.total, "ioc_bridge_vendor_calls_total", connection=destination), "it looked at it")
        assert process.total("ioc_bridge_pushed_total") == 0
    assert [writes(exchange, tenant) for tenant in (exchange.mde, exchange.netskope)] == before
    gone = {f"h{number}.evil.example" for number in range(50)}
    want(exchange.settings, MDE, BLOCK, DOMAIN, gone, present=False)
    want(exchange.settings, NETSKOPE, URLS, DOMAIN, gone, present=False)
    want(exchange.settings, NETSKOPE, HASHES, SHA256, FILES, present=False)
    left = DOMAINS - gone | {"foreign.example"}

    def withdrawn() -> bool:
        rows = {row["indicatorValue"] for row in exchange.defender_rows()}
        return rows == left | {"h0.evil.example"} and exchange.url_list() == left

    eventually(withdrawn, "what is not desired is gone, and only that")
    eventually(lambda: exchange.hash_list(HASH_LIST) == {HASHES.default}, "the emptied list holds its default")
    eventually(lambda: len(applied(exchange.settings, MDE)) == 552, "its records are gone, too")


def test_a_burst_goes_out_in_one_write_and_one_deploy(exchange: Exchange) -> None:
    pusher = exchange.services["push_netskope"]
    eventually(partial(entries, pusher, "pending", 0), "there is nothing else to do")
    pusher.ask_to_leave()
    assert pusher.stop() == 0
    exchange.environment["IOC_BRIDGE_SETTLE_S"] = "5"  # longer than any pause that a busy machine puts into the burst
    pusher = exchange.start("push_netskope")
    pusher.wait_ready()
    eventually(partial(pusher.total, "ioc_bridge_vendor_calls_total", connection=NETSKOPE), "it looked at its lists")
    before, burst = writes(exchange, exchange.netskope), {f"burst{number}.evil.example" for number in range(15)}
    for value in sorted(burst):
        want(exchange.settings, NETSKOPE, URLS, DOMAIN, [value], present=True)
    eventually(lambda: burst <= exchange.url_list(), "all of it is there")
    eventually(partial(entries, pusher, "pending", 0), "and recorded")
    assert writes(exchange, exchange.netskope) - before == 2
