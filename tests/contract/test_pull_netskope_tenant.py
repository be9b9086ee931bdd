"""The Netskope puller against the sandbox tenant's iterators: no page is lost, whatever becomes of it on the way."""

import threading
from collections.abc import Callable, Iterator

import pytest

from services.pull_netskope.client import Kind, NetskopeClient
from services.pull_netskope.service import Iterator as Lane
from services.pull_netskope.service import NetskopeSource
from services.runtime.kafka.transactional_producer import FencedError
from services.runtime.polling.puller import SourceContext
from services.runtime.vendors.budget import Quotas, Window
from services.runtime.vendors.errors import BrokenAnswerError, ConflictError, ThrottledError, VendorError
from services.runtime.vendors.netskope import QUOTAS, NetskopeSession
from services.runtime.vendors.session import BeforeCall
from services.sandbox.tenant.quota import Limit
from tests import pulling, pushing
from tests.contract.test_sandbox_netskope_gate import MALSITE, START, Api, serving

PLENTY: Quotas = {bucket: (Window(10_000, 1),) for bucket in QUOTAS}
HOUR = 3_600


class Bench(pulling.Bench[NetskopeSource]):
    """The source of one connection at the tenant's own time; `poll` is a turn of one of its lanes."""

    def __init__(self, api: Api, **spec: object) -> None:
        self.api = api
        super().__init__(pushing.netskope(str(api.http.base_url), **spec), self._source_for)

    def _source_for(self, source_context: SourceContext) -> NetskopeSource:
        before = BeforeCall(source_context.check)
        session = NetskopeSession(self.connection, threading.Event(), before=before, quotas=PLENTY)
        client = NetskopeClient(session, "ioc-bridge-test")
        return NetskopeSource(source_context, client, self.api.tenant.clock.time)

    def stream(self, kind: Kind = Kind.MALSITE) -> Lane:
        return self.source.streams[list(Kind).index(kind)]

    def poll(self) -> float:
        return self.stream().poll()

    def drain(self, polls: int = 40) -> None:
        """Poll until the tenant has nothing more for now."""
        for _ in range(polls):
            if self.poll() > 0:
                return
        raise AssertionError(f"still not at the end after {polls} polls")

    def alert(self, *numbers: int, age_s: int = 60, **more: object) -> None:
        alerts = [{"kind": "malsite", "url": url_of(n), "timestamp": START - age_s, **more} for n in numbers]
        self.api.seed(alerts=alerts)

    def urls(self) -> list[str]:
        return [report.value.removeprefix("http://") for report in self.committed.reports]

    def operations(self) -> list[str]:
        recent = self.api.admin("calls", method="GET")["recent"]
        return [call["target"].rpartition("operation=")[2] for call in recent if call["route"] == MALSITE]


def url_of(number: int) -> str:
    return f"h{number}.example/x"


def urls_of(*numbers: int) -> list[str]:
    return [url_of(number) for number in numbers]


@pytest.fixture(scope="module")
def served_netskope() -> Iterator[Api]:
    with serving(iterator_rate=(Limit(10_000, 1.0),), page_size=3) as api:
        yield api


Open = Callable[..., Bench]


@pytest.fixture
def open_bench(netskope: Api) -> Iterator[Open]:
    opened: list[Bench] = []

    def make(**spec: object) -> Bench:
        opened.append(Bench(netskope, **spec))
        return opened[-1]

    yield make
    for bench in opened:
        bench.close()


@pytest.fixture
def bench(open_bench: Open) -> Bench:
    return open_bench()


def test_it_begins_where_policy_says_and_goes_on_page_by_page(bench: Bench) -> None:
    bench.alert(0, age_s=8 * 24 * HOUR)
    bench.alert(*range(1, 8))
    bench.drain()
    assert bench.urls() == urls_of(*range(1, 8)), "a week back, and no further"
    assert bench.operations() == [str(START - 7 * 24 * HOUR), "next", "next"]
    bench.alert(8, age_s=0)
    bench.drain()
    assert bench.urls() == urls_of(*range(1, 9))


def test_the_tenants_wait_is_kept_and_never_longer_than_the_poll_interval(open_bench: Open) -> None:
    bench = open_bench(pollInterval="20s")
    bench.alert(*range(4))
    bench.api.switch(wait_time_backlog=2, wait_time_idle=7)
    assert [bench.poll(), bench.poll()] == [2, 7]
    bench.api.switch(wait_time_idle=600)
    assert bench.poll() == 20
    bench.api.switch(wait_time_idle=None)
    assert bench.poll() == 20, "30 s where the tenant does not say, but for the bound"
    bench.api.switch(wait_time_idle=0)
    assert bench.poll() == 1, "nothing more for now, so not at once"


def test_empty_pages_of_history_are_passed_at_once(bench: Bench) -> None:
    bench.api.switch(hour_batches=True)
    bench.alert(1, age_s=6 * 24 * HOUR)
    bench.alert(2)
    waits = [bench.poll() for _ in range(7 * 24)]
    assert bench.urls() == urls_of(1, 2)
    assert sum(waits) <= 10, "a week in hours, and only near the present something to wait for"


@pytest.mark.parametrize("kind", ["cut", "empty", "malformed", "reset_after"])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_page_that_breaks_on_the_way_is_served_again(bench: Bench, kind: str, chunked: bool) -> None:
    bench.alert(*range(9))
    bench.poll()
    bench.api.fault(kind, path="dataexport", chunked=chunked)
    with pytest.raises(VendorError):
        bench.poll()
    bench.drain()
    assert bench.urls() == urls_of(*range(9)), "nothing lost, nothing twice"
    assert bench.operations()[1:4] == ["next", "resend", "next"]


def test_the_first_page_may_break_too(bench: Bench) -> None:
    bench.alert(*range(4))
    bench.api.fault("cut", path="dataexport")
    with pytest.raises(BrokenAnswerError):
        bench.poll()
    bench.drain()
    assert bench.urls() == urls_of(*range(4))


@pytest.mark.parametrize("body", [{"ok": 1}, {"ok": 1, "result": None}, [], {"ok": 1, "result": {"a": 1}}])
def test_a_page_without_a_list_of_records_is_asked_for_again(bench: Bench, body: object) -> None:
    bench.alert(*range(4))
    bench.poll()
    bench.api.fault("status", path="dataexport", code=200, body=body, commit=True)
    with pytest.raises(VendorError):
        bench.poll()
    bench.drain()
    assert bench.urls() == urls_of(*range(4))


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"kind": "concurrency"}, ConflictError),
        ({"kind": "status", "code": 429, "retry_after": 1}, ThrottledError),
        ({"kind": "status", "code": 403}, VendorError),
    ],
)
def test_a_refusal_moves_nothing_and_the_same_is_asked_again(
    bench: Bench, fault: dict[str, object], error: type[VendorError]
) -> None:
    bench.alert(*range(9))
    bench.poll()
    bench.api.admin("faults", {"path": "dataexport", "times": 1, **fault})
    with pytest.raises(error):
        bench.poll()
    bench.drain()
    assert bench.urls() == urls_of(*range(9))


def test_a_failure_of_the_server_leaves_it_in_doubt_whether_the_cursor_moved(bench: Bench) -> None:
    bench.alert(*range(9))
    bench.poll()
    bench.api.admin("faults", {"kind": "status", "path": "dataexport", "code": 503, "times": 2})
    for _ in range(2):
        with pytest.raises(VendorError):
            bench.poll()
    bench.drain()
    assert sorted(set(bench.urls())) == urls_of(*range(9))
    assert len(bench.urls()) <= 12, "one page at most is told twice"


def test_a_restart_asks_for_the_last_page_again_and_loses_nothing(bench: Bench) -> None:
    bench.alert(*range(9))
    bench.poll()
    bench.poll()
    bench.restart()
    bench.drain()
    assert sorted(set(bench.urls())) == urls_of(*range(9))
    assert len(bench.urls()) == 12


def test_a_former_owner_publishes_what_only_it_was_served(bench: Bench) -> None:
    bench.alert(*range(4))
    bench.poll()
    bench.committed.failure = FencedError("another one is at it")
    with pytest.raises(FencedError):
        bench.poll()
    assert [report.value for report in bench.committed.rescued] == [f"http://{url_of(3)}"]


def test_a_cursor_the_tenant_does_not_know_any_more_is_positioned_where_its_last_page_ended(bench: Bench) -> None:
    bench.api.switch(resend_on_fresh="refuse")
    bench.alert(0, age_s=3 * HOUR)
    bench.drain()
    bench.api.tenant.iterators.cursors.clear()
    bench.alert(1, 2)
    bench.restart()
    bench.drain()
    assert sorted(set(bench.urls())) == urls_of(0, 1, 2)


def test_a_mark_is_remembered_by_kind_and_tenant(bench: Bench) -> None:
    bench.alert(1)
    bench.drain()
    assert bench.committed.memory.checkpoint is not None
    (key,) = bench.committed.memory.checkpoint.iterators
    assert key == "malsite@127.0.0.1"


def test_both_kinds_are_read_and_share_one_checkpoint(bench: Bench) -> None:
    bench.alert(1)
    bench.api.seed(alerts=[{"kind": "malware", "md5": "a" * 32, "sha256": "b" * 64, "timestamp": START - 60}])
    for kind in Kind:
        bench.stream(kind).poll()
    assert sorted(bench.urls()) == ["a" * 32, "b" * 64, url_of(1)]
    assert bench.committed.memory.checkpoint is not None
    assert set(bench.committed.memory.checkpoint.iterators) == {"malsite@127.0.0.1", "malware@127.0.0.1"}


@pytest.mark.parametrize(("types", "streams"), [(["md5"], 1), (["url", "sha256"], 2), (["sha1"], 0), ([], 2)])
def test_only_iterators_that_can_tell_what_is_wanted_are_read(open_bench: Open, types: list[str], streams: int) -> None:
    assert len(open_bench(types=types).source.streams) == streams


@pytest.mark.usefixtures("open_bench")
def test_a_page_of_ten_thousand_is_one_commit() -> None:
    with serving() as api:
        bench = Bench(api)
        bench.alert(*range(12_000))
        bench.drain()
        bench.close()
    assert len(set(bench.urls())) == 12_000
    assert bench.committed.commits == 2


def test_what_alerts_do_not_tell_is_listed_with_its_reason(bench: Bench) -> None:
    bench.alert(1, extra={"url": "", "threat_match_value": "null"})
    bench.alert(2, extra={"alert_type": "DLP"})
    bench.alert(3)
    bench.drain()
    assert bench.urls() == urls_of(3)
    assert sorted(bench.skips()) == ["no_site", "other_alert_type"]
