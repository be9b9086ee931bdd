"""What is spent of long quotas outlives the process: a fresh one counts all that left, and not its own calls twice."""

import pytest

from schemas.spent import Spent
from services.runtime.vendors import spending
from services.runtime.vendors.budget import Budget, Window
from services.runtime.vendors.spending import Spending

HOUR = {"import": (Window(100, 3_600),)}


class Topic:
    """The notes as a compacted topic would leave them, and the clock they are made by."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.latest: dict[bytes, Spent] = {}
        self.now = 1_900_000_000_000
        monkeypatch.setattr(spending, "now_ms", lambda: self.now)

    def write(self, note: Spent) -> None:
        self.latest[note.key()] = Spent.decode(note.encode())

    def process(self, name: str) -> tuple[Spending, Budget]:
        begun, budget = Spending(self.write, name), Budget(HOUR, lambda: self.now / 1_000)
        begun.restore(self.latest.values(), budget)
        return begun, budget


def test_processes_that_die_in_the_same_minute_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    topic = Topic(monkeypatch)
    for number, name in enumerate("abc"):
        begun, budget = topic.process(name)
        assert budget.left("import") == 100 - 10 * number
        for _ in range(10):
            begun.note("import")
        topic.now += 1_000


def test_what_left_long_ago_counts_no_more_and_its_own_calls_are_not_counted_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    topic = Topic(monkeypatch)
    begun, _ = topic.process("a")
    for minute in range(70):
        begun.note("import")
        topic.now += 60_000
        assert len(topic.latest) == min(minute + 1, 60)
    _, budget = topic.process("b")
    assert budget.left("import") == 100 - 60
    topic.now += 30 * 60_000
    assert budget.left("import") == 100 - 30
    _, same = topic.process("a")
    assert same.left("import") == 100
