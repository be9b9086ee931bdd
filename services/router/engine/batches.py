"""Merges report batches into a unit of work, and makes dead letters of what prevents that.

A batch that cannot be merged becomes a dead letter as a whole. An unreadable stored indicator becomes a dead letter,
and the batch that refers to it is merged without it.
Invariant: a unit never holds a part of a batch. After a dead letter, a new unit starts without its cause.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from schemas.report import REPLAYED, ReportBatch
from services.router.engine.stored import StoredError
from services.router.engine.takeover import offset_of
from services.router.engine.unit import Unit
from services.runtime.kafka.bulk_read import Raw
from services.runtime.lifecycle import Context
from services.runtime.observability import trace

Event = Any
"""A Faust event: its value is the raw record, its message has offset and headers."""


class Batches:
    """Merges the report batches of one partition. Calls `beat` between steps, for the health check."""

    def __init__(self, context: Context, number: int, beat: Callable[[], None]) -> None:
        self._context = context
        self._topics = context.settings.topics
        self._number = number
        self._beat = beat
        self._last_good = -1

    async def merge(self, events: Sequence[Event], begin: Callable[[], Unit]) -> Unit:
        """Return a unit made by `begin`, with all batches that can be merged.

        Raises:
            TooManyDeadLettersError: too many cannot be merged.
            KafkaError: a dead letter could not be written.

        """
        left, unreadable = list(events), list[StoredError]()
        while (unit := await self._try(left, unreadable, begin())) is None:
            pass
        return unit

    async def _try(self, left: list[Event], unreadable: list[StoredError], unit: Unit) -> Unit | None:
        """Merge the batches into the unit. Returns None if a dead letter was written: start again with a new unit."""
        for stored in unreadable:
            unit.drop(stored.key, stored.raw)
        for at, event in enumerate(left):
            self._beat()
            try:
                self._take(unit, event)
            except StoredError as error:
                await self.set_aside_stored(error)
                unreadable.append(error)
                return None
            except Exception as error:  # noqa: BLE001  # pure code: any error concerns this batch
                await self._set_aside(event, error)
                del left[at]
                return None
            await asyncio.sleep(0)
        return unit

    def _take(self, unit: Unit, event: Event) -> None:
        headers = event.message.headers or ()
        is_replay = any(name == REPLAYED for name, _ in headers)
        with trace.span("merge", parent=trace.of(headers), partition=self._number):
            unit.take(ReportBatch.decode(event.value), trace.headers(), is_replay=is_replay)
        if event.message.offset > self._last_good:
            self._last_good = event.message.offset
            self._context.deadletters.limit.good(self._topics.reports.name, self._number)

    async def _set_aside(self, event: Event, error: Exception) -> None:
        headers = tuple(event.message.headers or ())
        raw = Raw(event.message.offset, event.message.key, event.value, headers)
        await self._keep(self._topics.reports.name, raw, error)

    async def set_aside_stored(self, error: StoredError) -> None:
        """Write a dead letter of the changelog record of an unreadable stored indicator."""
        offset = await offset_of(self._context.settings, self._number, error.key)
        await self._keep(self._topics.indicators.name, Raw(offset, error.key, error.raw), error)

    async def _keep(self, topic: str, raw: Raw, error: Exception) -> None:
        self._beat()
        await asyncio.to_thread(self._context.deadletters.set_aside, topic, self._number, raw, error)
        self._beat()
