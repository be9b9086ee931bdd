"""Quotas on our side: several windows at once, a margin for late arrivals, shared, and waits that end when asked to."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from services.runtime.observability.metrics import forget
from services.runtime.vendors import budget as module
from services.runtime.vendors.budget import MARGIN_S, Budget, Window, shared_budget
from services.runtime.vendors.errors import StoppedError, ThrottledError
from tests.waiting import ANSWER_S

QUOTAS = {"list": (Window(3, 60), Window(5, 3600)), "iterator": (Window(4, 1),)}
RUNNING = threading.Event()


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def budget(clock: Clock) -> Budget:
    return Budget(QUOTAS, clock)


def take(budget: Budget, bucket: str = "list", *, patience_s: float | None = 0) -> None:
    budget.acquire(bucket, RUNNING, connection="acme", route="r", patience_s=patience_s)


def test_a_burst_may_go_at_once_and_then_no_more(budget: Budget) -> None:
    assert (budget.left("list"), budget.seconds_until_free("list")) == (3, 0)
    for left in (2, 1, 0):
        take(budget)
        assert budget.left("list") == left
    with pytest.raises(ThrottledError, match="own quota list is used up") as caught:
        take(budget)
    assert caught.value.retry_after == pytest.approx(60 + MARGIN_S, abs=0.01)
    assert budget.seconds_until_free("list") == pytest.approx(60 + MARGIN_S, abs=0.01)
    assert budget.left("list") == 0


def test_every_window_counts(budget: Budget, clock: Clock) -> None:
    for _ in range(3):
        take(budget)
    clock.now += budget.seconds_until_free("list")
    take(budget)
    take(budget)
    assert budget.left("list") == 0
    assert budget.seconds_until_free("list") == pytest.approx(3600 - 60, abs=0.1)
    clock.now += budget.seconds_until_free("list")
    assert budget.left("list") == 3


def test_what_is_left_shows_by_window(budget: Budget) -> None:
    take(budget)

    def shown(window: str) -> float | None:
        labels = {"connection": "acme", "bucket": "list", "window": window}
        return REGISTRY.get_sample_value("ioc_bridge_budget_left", labels)

    assert (shown("60"), shown("3600")) == (2, 4)


def test_a_penalty_holds_for_everybody_and_the_longest_counts(budget: Budget, clock: Clock) -> None:
    budget.penalise("list", 40)
    budget.penalise("list", 10)
    assert (budget.left("list"), budget.seconds_until_free("list")) == (0, 40)
    with pytest.raises(ThrottledError) as caught:
        take(budget)
    assert caught.value.retry_after == 40
    assert budget.left("iterator:malware") == 4
    clock.now += 40
    assert budget.left("list") == 3
    take(budget)


def test_parts_of_a_bucket_count_on_their_own(budget: Budget) -> None:
    for _ in range(4):
        take(budget, "iterator:malware")
    assert budget.left("iterator:malware") == 0
    assert budget.left("iterator:malsite") == 4


def test_an_unknown_bucket_is_an_error(budget: Budget) -> None:
    with pytest.raises(KeyError):
        take(budget, "misspelt")


def test_a_wait_is_measured_and_within_patience() -> None:
    budget = Budget({"b": (Window(1, 0.04),)})
    take(budget, "b", patience_s=5)
    take(budget, "b", patience_s=5)
    waited = REGISTRY.get_sample_value("ioc_bridge_budget_wait_seconds_total", {"connection": "acme", "bucket": "b"})
    assert waited is not None
    assert waited > 0


def test_a_wait_ends_at_once_when_the_service_is_asked_to_leave(budget: Budget) -> None:
    stop, ends = threading.Event(), list[BaseException]()
    budget.penalise("list", 3600)

    def work() -> None:
        try:
            budget.acquire("list", stop, connection="acme", route="r")
        except StoppedError as error:
            ends.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    stop.set()
    thread.join(ANSWER_S)
    assert len(ends) == 1


def test_connections_of_one_app_share_and_others_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_shared", {})
    mine = shared_budget("defender", "Tenant", "app", QUOTAS)
    assert shared_budget("defender", "tenant", "APP", QUOTAS) is mine
    for other in (("defender", "tenant", "app2"), ("defender", "tenant2", "app"), ("netskope", "tenant", "app")):
        assert shared_budget(*other, QUOTAS) is not mine
    assert shared_budget("defender", "tenant", "app", QUOTAS, url="http://elsewhere") is not mine


@given(
    st.integers(1, 5),
    st.lists(st.tuples(st.floats(0, 20), st.floats(0, MARGIN_S - 0.01)), min_size=1, max_size=60),
)
def test_the_vendor_never_sees_too_many_however_late_calls_arrive(
    calls: int, pauses: list[tuple[float, float]]
) -> None:
    clock = Clock()
    budget = Budget({"b": (Window(calls, 30),)}, clock)
    arrivals: list[float] = []
    for pause, late in pauses:
        clock.now += pause
        clock.now += budget.seconds_until_free("b")
        take(budget, "b")  # with no patience: what was announced is enough
        arrivals.append(clock.now + late)
    arrivals.sort()
    for first, last in zip(arrivals, arrivals[calls:], strict=False):
        assert last - first > 30


def test_threads_together_take_no_more_than_there_is(budget: Budget) -> None:
    got = threading.Semaphore(0)
    refused = threading.Semaphore(0)

    def work() -> None:
        for _ in range(20):
            try:
                take(budget)
            except ThrottledError:
                refused.release()
            else:
                got.release()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(got.acquire(blocking=False) for _ in range(80)) == 3
    assert sum(refused.acquire(blocking=False) for _ in range(80)) == 77


def shown(connection: str, window: str) -> float | None:
    labels = {"connection": connection, "bucket": "list", "window": window}
    return REGISTRY.get_sample_value("ioc_bridge_budget_left", labels)


def test_what_comes_back_with_time_is_shown_without_another_call(budget: Budget, clock: Clock) -> None:
    for _ in range(3):
        budget.acquire("list", RUNNING, connection="watched", route="r", patience_s=0)
    assert (shown("watched", "60"), shown("watched", "3600")) == (0, 2)
    clock.now += 70
    budget.show()
    assert (shown("watched", "60"), shown("watched", "3600")) == (3, 2)
    budget.penalise("list", 30)
    budget.show()
    assert shown("watched", "60") == 0, "the vendor wants no calls, whatever we have counted"


def test_nothing_is_shown_of_a_connection_that_went_to_another_process(budget: Budget) -> None:
    budget.acquire("list", RUNNING, connection="gone", route="r", patience_s=0)
    budget.forget("gone")
    forget("connection", "gone")
    budget.show()
    assert shown("gone", "60") is None
