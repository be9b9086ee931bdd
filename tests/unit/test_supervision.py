"""Whatever a thread or task raises, and its end without a reason, is learnt of, named and given an exit code."""

import asyncio
import re
import threading
from collections.abc import Callable
from pathlib import Path

import aiokafka.errors
import kafka.errors
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.runtime.deadletters import TooManyDeadLettersError
from services.runtime.exits import LostFootingError, exit_of
from services.runtime.kafka.leases import LeaseLostError
from services.runtime.kafka.transactional_producer import FencedError, ProducerError
from services.runtime.settings import SettingsError
from services.runtime.supervision import EndedEarlyError, Supervisor
from tests.waiting import ANSWER_S

ERRORS: list[tuple[BaseException, int]] = [
    (LeaseLostError("x"), 75),
    (ProducerError("x"), 75),
    (FencedError("x"), 75),
    (LostFootingError("x"), 75),
    (kafka.errors.KafkaTimeoutError("x"), 75),
    (kafka.errors.KafkaConnectionError("x"), 75),
    (aiokafka.errors.ProducerFenced(), 75),
    (aiokafka.errors.KafkaConnectionError("x"), 75),
    (OSError(98, "x"), 75),
    (TooManyDeadLettersError("x"), 78),
    (SettingsError("x"), 78),
    (ValueError("x"), 1),
    (AssertionError("x"), 1),
    (SystemExit(0), 1),
    (KeyboardInterrupt(), 1),
]


@pytest.fixture
def supervisor() -> Supervisor:
    return Supervisor()


def raising(error: BaseException) -> Callable[[], None]:
    def run() -> None:
        raise error

    return run


@pytest.mark.parametrize(("error", "code"), ERRORS)
def test_what_a_thread_raises_is_the_failure_of_the_process(
    supervisor: Supervisor, error: BaseException, code: int
) -> None:
    thread = supervisor.start_thread("some-thread", raising(error))
    assert supervisor.stop.wait(ANSWER_S)
    assert thread.join(ANSWER_S)
    assert supervisor.failure
    assert (supervisor.failure.task, supervisor.failure.error) == ("some-thread", error)
    assert supervisor.failure.exit == exit_of(error)
    assert supervisor.failure.exit.code == code


@pytest.mark.parametrize(("error", "code"), [pair for pair in ERRORS if isinstance(pair[0], Exception)])
def test_what_a_task_raises_is_the_failure_of_the_process(supervisor: Supervisor, error: Exception, code: int) -> None:
    other_ended = False

    async def other() -> None:
        nonlocal other_ended
        try:
            await asyncio.Event().wait()
        finally:
            other_ended = True

    async def fails() -> None:
        await asyncio.sleep(0)
        raise error

    async def main() -> None:
        async with supervisor.tasks() as tasks:
            tasks.start("other", other())
            tasks.start("some-task", fails())
            assert await asyncio.to_thread(supervisor.stop.wait, 10)
            assert not other_ended, "the others end in good order, after the failure"

    asyncio.run(main())
    assert other_ended
    assert supervisor.failure
    assert (supervisor.failure.task, supervisor.failure.error) == ("some-task", error)
    assert supervisor.failure.exit.code == code


def test_a_thread_that_ends_while_it_is_to_go_on_is_a_failure(supervisor: Supervisor) -> None:
    supervisor.start_thread("some-thread", lambda: None)
    assert supervisor.stop.wait(ANSWER_S)
    assert supervisor.failure
    assert isinstance(supervisor.failure.error, EndedEarlyError)
    assert supervisor.failure.exit.code == 1


@pytest.mark.parametrize("is_cancelled", [True, False])
def test_a_task_that_ends_while_it_is_to_go_on_is_a_failure(supervisor: Supervisor, is_cancelled: bool) -> None:
    async def ends() -> None:
        if is_cancelled:
            raise asyncio.CancelledError

    async def main() -> None:
        async with supervisor.tasks() as tasks:
            tasks.start("some-task", ends())
            assert await asyncio.to_thread(supervisor.stop.wait, 10)

    asyncio.run(main())
    assert supervisor.failure
    assert isinstance(supervisor.failure.error, EndedEarlyError)


def test_what_its_owner_ends_is_no_failure(supervisor: Supervisor) -> None:
    ending = threading.Event()

    def wait() -> None:
        ending.wait()

    thread = supervisor.start_thread("some-thread", wait, ending=ending)
    assert thread.is_alive()
    assert thread.end(10)

    async def waits() -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        async with supervisor.tasks() as tasks:
            tasks.start("one", waits())
            tasks.start("two", waits())
            await asyncio.sleep(0)
            await tasks.end("one")
            tasks.start("one", waits())

    asyncio.run(main())
    assert supervisor.failure is None
    assert not supervisor.stop.is_set()


def test_what_is_raised_while_it_is_being_ended_is_a_failure_all_the_same(supervisor: Supervisor) -> None:
    error = ValueError("while closing")

    async def closes_badly() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise error

    async def main() -> None:
        async with supervisor.tasks() as tasks:
            tasks.start("some-task", closes_badly())
            await asyncio.sleep(0)
            await tasks.end("some-task")

    asyncio.run(main())
    assert supervisor.failure
    assert supervisor.failure.error is error


def test_the_first_failure_counts(supervisor: Supervisor) -> None:
    first, second = LeaseLostError("first"), ValueError("second")
    supervisor.fail("one", first)
    supervisor.fail("two", second)
    assert supervisor.failure
    assert supervisor.failure.error is first


@pytest.mark.parametrize("error", [None, ValueError("x"), SystemExit(1)])
def test_an_end_that_its_owner_deals_with_is_no_failure(supervisor: Supervisor, error: BaseException | None) -> None:
    ends: list[BaseException | None] = []
    thread = supervisor.start_thread("some", raising(error) if error else lambda: None, on_end=ends.append)
    assert thread.join(ANSWER_S)
    assert ends == [error]
    assert supervisor.failure is None


def test_an_owner_that_fails_to_deal_with_an_end_is_a_failure(supervisor: Supervisor) -> None:
    def deal(_: BaseException | None) -> None:
        raise KeyError("x")

    supervisor.start_thread("some", lambda: None, on_end=deal)
    assert supervisor.stop.wait(ANSWER_S)
    assert supervisor.failure
    assert isinstance(supervisor.failure.error, KeyError)


def test_what_a_library_calls_fails_the_process_and_raises(supervisor: Supervisor) -> None:
    error = ValueError("x")
    with pytest.raises(ValueError, match="x"), supervisor.watch("callback"):
        raise error
    assert supervisor.failure
    assert (supervisor.failure.task, supervisor.failure.error) == ("callback", error)


@given(st.lists(st.sampled_from(["raise", "return", "end", "go on"]), min_size=1, max_size=8))
def test_the_process_fails_exactly_if_something_ends_that_nobody_ended(fates: list[str]) -> None:
    supervisor = Supervisor()

    async def work(fate: str) -> None:
        await asyncio.sleep(0)
        if fate == "raise":
            raise ValueError(fate)
        if fate in {"end", "go on"}:
            await asyncio.Event().wait()

    async def main() -> None:
        async with supervisor.tasks() as tasks:
            for number, fate in enumerate(fates):
                tasks.start(f"{number}-{fate}", work(fate))
            for number, fate in enumerate(fates):
                if fate == "end":
                    await tasks.end(f"{number}-{fate}")
            for _ in range(5):
                await asyncio.sleep(0)

    asyncio.run(main())
    failed = {"raise", "return"} & set(fates)
    assert bool(supervisor.failure) == bool(failed)
    if supervisor.failure:
        assert supervisor.failure.task.partition("-")[2] in failed


def test_whoever_catches_errors_of_kafka_catches_those_of_both_clients() -> None:
    services = Path(__file__).parents[2] / "services"
    own = {"runtime/kafka/transactional_producer.py"}  # it has one client, and needs to know which error it was
    found = {
        str(path.relative_to(services))
        for path in services.rglob("*.py")
        if path.parts[len(services.parts)] != "sandbox"
        and re.search(r"except \(?[^:]*\bKafkaError\b", path.read_text())
    }
    assert found <= own, "catch services.runtime.kafka.errors.KAFKA_ERRORS"
