"""The guard of a Defender listing against the sandbox tenant: one that shrank abnormally withdraws nothing unasked."""

import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from schemas.hold import LISTING, Hold, HoldKind, hold_id
from schemas.policy import Policy
from schemas.report import Verb
from schemas.resources import resource
from services.runtime.polling.poll_requests import PollRequest
from tests.contract.defender import Bench
from tests.contract.test_vendor_sessions import Sandbox
from tests.pushing import NAME

ID = hold_id(NAME, LISTING, HoldKind.LISTING_SHRANK)
GUARD = resource("Guard", "default", {"listing": {"shrinkPercent": 50, "atLeast": 5}})
_FOR_EVER_S = 100_000
VALUES = [f"h{number}.example" for number in range(20)]


@pytest.fixture
def bench(defender: Sandbox) -> Iterator[Bench]:
    """A source that has reported twenty indicators."""
    with closing(Bench(defender)) as found:
        found.policy.view = Policy.of([GUARD])
        found.seed(*VALUES)
        found.source.poll()
        yield found


def hold(bench: Bench) -> Hold | None:
    return bench.committed.memory.holds.get(ID)


def says(bench: Bench, verdict: str, for_ms: int = 3_600_000) -> None:
    now = int(time.time() * 1000)
    spec = {"connection": NAME, "subject": LISTING, "verdict": verdict, "at": now, "until": now + for_ms}
    bench.policy.view = Policy.of([GUARD, resource("Verdict", ID, spec)])


def codes(bench: Bench) -> list[str]:
    return [code for code, _ in bench.told.said if code != "skipped"]


def test_an_empty_listing_withdraws_nothing_and_what_is_new_is_still_reported(bench: Bench) -> None:
    bench.delete(*VALUES)
    bench.source.poll()
    bench.seed("late.example")
    bench.source.poll()
    bench.restart()
    bench.source.poll()
    assert bench.values() == {*VALUES, "late.example"}
    found = hold(bench)
    assert found is not None
    assert (found.count, found.of, found.kind, found.subject) == (20, 20, "listing_shrank", "listing")
    assert {item.subject for item in found.sample} == {f"domain:{value}" for value in VALUES}
    assert codes(bench) == ["listing_shrank"], "told once, also after a restart"


def test_half_of_it_and_a_few_of_little_are_withdrawn_at_once(bench: Bench) -> None:
    bench.delete(*VALUES[:10])
    bench.source.poll()
    bench.delete(*VALUES[10:14])
    bench.source.poll()
    bench.delete(*VALUES[14:16])
    bench.source.poll()
    bench.delete(*VALUES[16:])
    bench.source.poll()
    assert (bench.values(), codes(bench)) == (set(), [])


def test_a_partial_listing_is_over_when_the_listing_is_whole_again(bench: Bench) -> None:
    bench.delete(*VALUES[:11])
    bench.source.poll()
    since = hold(bench)
    before = len(bench.committed.reports)
    bench.seed(*VALUES[:11])
    bench.source.poll()
    assert since is not None
    assert (hold(bench), codes(bench)) == (None, ["listing_shrank", "hold_over"])
    assert {report.verb for report in bench.committed.reports[before:]} == {Verb.UPDATE}


def test_a_hold_does_not_end_because_the_listing_grows_otherwise(bench: Bench) -> None:
    bench.delete(*VALUES[:11])
    bench.source.poll()
    bench.seed(*(f"late{number}.example" for number in range(30)))
    bench.source.poll()
    bench.source.poll()
    assert len(bench.values()) == 50


def test_a_confirmation_lets_the_withdrawals_through_and_wakes_the_poll(bench: Bench) -> None:
    bench.delete(*VALUES)
    bench.source.poll()
    assert not bench.source_context.holds.awaits(bench.policy.view, 0)
    says(bench, "confirm")
    poll_request = PollRequest(bench.source_context.status, bench.policy, [], lambda: 0)
    bench.source_context.rest(_FOR_EVER_S, poll_request, patient=False)  # returns, since it is woken
    bench.source.poll()
    assert (bench.values(), bench.committed.memory.chunks, hold(bench)) == (set(), {}, None)


def test_a_verdict_that_has_run_out_counts_no_more(bench: Bench) -> None:
    says(bench, "confirm", for_ms=-1)
    bench.delete(*VALUES)
    bench.source.poll()
    assert len(bench.values()) == 20


def test_a_rejection_keeps_them_back_until_the_listing_recovers(bench: Bench) -> None:
    bench.delete(*VALUES)
    bench.source.poll()
    says(bench, "reject")
    bench.source.poll()
    bench.policy.view = Policy.of([GUARD])
    bench.source.poll()
    found = hold(bench)
    assert found is not None
    assert (found.rejected, len(bench.values())) == (True, 20)
    bench.seed(*VALUES)
    bench.source.poll()
    assert hold(bench) is None
