"""A puller polls when a person asks, unless the vendor says when to come; it answers once all lanes were polled."""

import time
from collections.abc import Iterable
from typing import Any, cast

from schemas.policy import Policy
from services.runtime.kafka.transactional_producer import OutgoingRecord
from services.runtime.polling.poll_requests import PollRequest
from services.runtime.polling.schedule import Schedule
from services.runtime.vendors.breaker import Breaker
from services.runtime.vendors.errors import CredentialsError, ThrottledError, VendorError
from services.runtime.vendors.pace import Pace
from services.runtime.vendors.status import Status
from tests.pushing import NAME, Context, Told, View, Written, reconciliation

REFUSED = CredentialsError(NAME, "token", "the secret is wrong")
THROTTLED = ThrottledError(NAME, "list", "429", retry_after=60)


class Lane:
    def __init__(self, *, paced: bool) -> None:
        self.paced = paced
        self.failure: VendorError | None = None

    def poll(self) -> float:
        if self.failure:
            raise self.failure
        return 300.0


class Puller:
    """The lanes of one connection, each polled once already, and due in five minutes."""

    def __init__(self, *streams: Lane) -> None:
        self.told, self.view, written = Told(), View(), Written()
        context = cast("Any", Context(self.told, self.view))

        def write(entries: Iterable[OutgoingRecord]) -> None:
            written.write(entries)

        status = Status(context, NAME, write)
        breaker = Breaker(context, NAME, status, Pace())
        self.turns = [Schedule(NAME, stream, breaker.circuit()) for stream in streams]
        self.published = 7
        self.poll_request = PollRequest(status, self.view, self.turns, lambda: self.published)
        for schedule in self.turns:
            schedule.take()

    def ask(self, id_: str) -> None:
        self.view.view = Policy.of([reconciliation(NAME, id_)])
        assert self.poll_request.has_news
        self.poll_request.listen()
        assert not self.poll_request.has_news

    def take(self, schedule: Schedule) -> None:
        self.poll_request.took(schedule, well=schedule.take())

    def due_now(self) -> list[bool]:
        return [schedule.due <= time.monotonic() for schedule in self.turns]


def test_it_is_answered_once_every_lane_was_polled_since() -> None:
    puller = Puller(Lane(paced=False), Lane(paced=False))
    puller.ask("one")
    assert puller.due_now() == [True, True]
    puller.published += 3
    puller.take(puller.turns[0])
    assert puller.told.answers == []
    puller.take(puller.turns[1])
    assert (puller.told.answers, puller.told.found) == (["one"], [{"reported": 3}])
    puller.take(puller.turns[0])
    assert puller.told.answers == ["one"]


def test_a_vendor_that_says_when_to_come_is_not_hurried() -> None:
    puller = Puller(Lane(paced=True), Lane(paced=False))
    puller.ask("one")
    assert puller.due_now() == [False, True]


def test_a_lane_in_trouble_is_tried_at_once_unless_the_vendor_asked_to_wait_and_answers_when_it_is_well() -> None:
    refused, throttled = Lane(paced=True), Lane(paced=False)
    refused.failure, throttled.failure = REFUSED, THROTTLED
    puller = Puller(refused, throttled)
    puller.ask("one")
    assert puller.due_now() == [True, False]
    puller.take(puller.turns[0])
    assert puller.told.answers == [], "that was no poll"
    refused.failure = throttled.failure = None
    for schedule in puller.turns:
        puller.take(schedule)
    assert puller.told.answers == ["one"]


def test_without_lanes_there_is_nothing_to_wait_for() -> None:
    puller = Puller()
    puller.ask("one")
    assert puller.told.answers == ["one"]
