"""What befalls a pusher in the fault suite: a seeded course of wishes, strangers, faults, crashes; then calm.

Invariant: everything that is random comes out of the seed, which is part of a test's name: `-k <seed>` repeats it.
"""

import random
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from services.runtime import budget
from services.runtime.ledger import Entry
from services.runtime.vendors.errors import VendorError
from tests import pushing

QUOTA_S = 0.15
"""Windows of the tenants' quotas in this suite: short, so that they are used up and free again within a run."""


class Crash(BaseException):  # as a process dies: nothing on the way may handle it
    """The process ends here."""


class Brittle(pushing.Written):
    """The applied topic, in whose writing the process may die: before it is committed or just after."""

    def __init__(self, dice: random.Random) -> None:
        super().__init__()
        self.dice = dice
        self.crash_share = 0.0

    def write(self, entries: Iterable[Entry]) -> None:
        fate = self.dice.random()
        if fate < self.crash_share / 2:
            raise Crash
        super().write(entries)
        if fate < self.crash_share:
            raise Crash


def befall(desk: pushing.Desk, dice: random.Random, events: Sequence[Callable[[], None]], steps: int = 10) -> None:
    """Let `steps` things happen, with some work in between."""
    for _ in range(steps):
        dice.choice(events)()
        for _ in range(dice.randrange(4)):
            if not worked(desk):
                break


def worked(desk: pushing.Desk) -> bool:
    """Do a unit as the loop does; a crash is followed by a fresh process that knows what is in Kafka."""
    try:
        return desk.unit() <= 0
    except VendorError:
        return False
    except Crash:
        reborn(desk)
        return False


def reborn(desk: pushing.Desk) -> None:
    """A fresh process: nothing is left of the old one but what it published."""
    budget._shared.clear()
    desk.restart()


def come_to_rest(desk: Any) -> None:
    """Work until nothing is left to do, through several comparisons with the tenant. Raises AssertionError."""
    calm = 0
    for _ in range(60):
        desk.later(601)
        try:
            while (wait := desk.unit()) < 2 * QUOTA_S:
                time.sleep(wait)
        except VendorError:
            calm = 0
            continue
        calm = 0 if desk.standing.pending else calm + 1
        if calm == 2:
            return
    raise AssertionError(f"not at rest: {dict(desk.standing.states)} {desk.states()}")
