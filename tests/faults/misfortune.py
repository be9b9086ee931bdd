"""What befalls a pusher in the fault suite: a seeded course of wishes, strangers, faults, crashes; then calm.

Invariants: everything that is random comes out of the seed, which is part of a test's name: `-k <seed>` repeats it.
Time is the suite's own, shared by tenant, budgets and pusher, and moves only where somebody waits: so quotas are kept
to the call, and nobody waits in earnest.
"""

import random
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest

from services.runtime.kafka.transactional_producer import OutgoingRecord
from services.runtime.vendors import budget, spending
from services.runtime.vendors.errors import VendorError
from services.sandbox.tenant.faults import Fault
from tests import pushing

STARTING_S = 10.0
"""How long a process takes to start and become the owner."""


class Time:
    """Seconds since the epoch; they never go back."""

    def __init__(self) -> None:
        self.now = 1_900_000_000.0

    def __call__(self) -> float:
        return self.now


class Waiting(threading.Event):
    """Waiting for it lets time pass at once."""

    def __init__(self, time: Time) -> None:
        super().__init__()
        self._time = time

    def wait(self, timeout: float | None = None) -> bool:
        self._time.now += timeout or 0.0
        return self.is_set()


@contextmanager
def own_time(time: Time, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Budgets and notes go by this time."""
    with monkeypatch.context() as patch:
        patch.setattr(budget, "Budget", partial(budget.Budget, clock=time))
        patch.setattr(spending, "now_ms", lambda: int(time.now * 1000))
        yield


_LONGEST_QUOTA_S = 60.0


class Crash(BaseException):  # as a process dies: nothing on the way may handle it
    """The process ends here."""


class Brittle(pushing.Written):
    """The applied topic, in whose writing the process may die: before it is committed or just after."""

    def __init__(self, dice: random.Random) -> None:
        super().__init__()
        self.dice = dice
        self.crash_share = 0.0

    def write(self, entries: Iterable[OutgoingRecord]) -> None:
        fate = self.dice.random()
        if fate < self.crash_share / 2:
            raise Crash
        super().write(entries)
        if fate < self.crash_share:
            raise Crash


def befall(
    harness: pushing.PusherHarness, dice: random.Random, events: Sequence[Callable[[], None]], steps: int = 10
) -> None:
    """Let `steps` things happen, with some work in between."""
    for _ in range(steps):
        dice.choice(events)()
        for _ in range(dice.randrange(4)):
            if not worked(harness):
                break


def worked(harness: pushing.PusherHarness) -> bool:
    """Do a unit as the loop does; a crash is followed by a fresh process that knows what is in Kafka."""
    try:
        return harness.reconcile_once() <= 0
    except VendorError:
        return False
    except Crash:
        reborn(harness)
        return False


def reborn(harness: Any) -> None:
    """A fresh process: nothing is left of the old one but what it published."""
    budget._shared.clear()
    harness.now += STARTING_S
    harness.restart()


def come_to_rest(harness: Any) -> None:
    """Work until nothing is left to do, through several comparisons with the tenant. Raises AssertionError."""
    calm = 0
    for _ in range(60):
        harness.later(601)
        try:
            while (wait := harness.reconcile_once()) < _LONGEST_QUOTA_S:
                harness.now += wait
        except VendorError:
            calm = 0
            continue
        calm = 0 if harness.store.pending else calm + 1
        if calm == 2:
            return
    raise AssertionError(f"not at rest: {dict(harness.store.states)} {harness.states()}")


class OnTime:
    """A desk whose clock is the suite's own."""

    time: Time

    @property
    def now(self) -> float:
        return self.time.now

    @now.setter
    def now(self, seconds: float) -> None:
        self.time.now = max(self.time.now, seconds)


class Misfortune(ABC):
    """What may happen in one run, whoever the vendor is. `faults` are those of the tenant that are armed at random."""

    harness: Any

    def __init__(self, seed: int, faults: Sequence[dict[str, Any]]) -> None:
        self.dice = random.Random(seed)
        self.faults = faults
        self.keys: list[str] = []

    def close(self) -> None:
        self.harness.close()

    def events(self) -> list[Callable[[], None]]:
        return [self.want, self.want, self.drop, self.stranger, self.arm, self.arm, self.later, self.die]

    @abstractmethod
    def want(self) -> None:
        """Something more is desired."""

    @abstractmethod
    def drop(self) -> None:
        """Something is no longer desired."""

    @abstractmethod
    def stranger(self) -> None:
        """Somebody else changes something at the tenant."""

    @abstractmethod
    def armed(self, fault: Fault) -> None:
        """The tenant shows this fault from now on."""

    def arm(self) -> None:
        fault = self.dice.choice(self.faults)
        times, skip = self.dice.randrange(1, 4), self.dice.randrange(3)
        self.armed(Fault(**{"path": "/api/", **fault, "times": times, "skip": skip}))

    def later(self) -> None:
        self.harness.later(self.dice.choice([1, 10, 61, 601]))

    def die(self) -> None:
        reborn(self.harness)
