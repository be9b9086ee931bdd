"""What Kafka's clients repeat while no broker answers does not bury what a service says itself."""

import io
import logging

import pytest

from services.runtime.observability.repeated_lines import RepeatedLines


class Written:
    """Lines as they come out of a handler with the filter on it."""

    def __init__(self, every_s: float) -> None:
        self._stream = io.StringIO()
        self._handler = logging.StreamHandler(self._stream)
        self._handler.addFilter(RepeatedLines(("kafka",), every_s))

    def say(self, name: str, text: str, *values: object, at: float) -> None:
        record = logging.LogRecord(name, logging.WARNING, __file__, 1, text, values, None)
        record.created = at
        self._handler.handle(record)

    @property
    def lines(self) -> list[str]:
        return self._stream.getvalue().splitlines()


@pytest.fixture
def written() -> Written:
    return Written(every_s=60)


def test_the_first_of_a_kind_is_written_and_a_later_one_tells_how_many_were_left_out(written: Written) -> None:
    for second in range(62):
        written.say("kafka.net", "no answer of node %s after %d s", second, second, at=1_000 + second)
    assert written.lines == [
        "no answer of node 0 after 0 s",
        "no answer of node 60 after 60 s (and 59 more like it since the last)",
    ]


def test_kinds_do_not_count_for_each_other(written: Written) -> None:
    written.say("kafka.net", "lost", at=1_000)
    written.say("kafka.cluster", "lost", at=1_000)
    written.say("kafka.net", "found", at=1_000)
    written.say("kafka.net", "lost", at=1_059.9)
    assert written.lines == ["lost", "lost", "found"]


def test_what_others_say_is_always_written(written: Written) -> None:
    for _ in range(3):
        written.say("services.router", "routed", at=1_000)
        written.say("kafkaesque", "routed", at=1_000)
    assert len(written.lines) == 6


def test_texts_without_number_are_not_all_remembered(written: Written) -> None:
    for number in range(2_500):
        written.say("kafka.net", f"lost {number}", at=1_000)
    written.say("kafka.net", "lost 2499", at=1_001)
    assert len(written.lines) == 2_500
