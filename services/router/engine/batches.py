"""Merging report batches into a unit, and setting aside what is to blame where that is impossible.

A batch that cannot be routed is set aside whole; a stored indicator that cannot be read is set aside, and the batch
that led to it is routed. A unit is never left with a part of a batch: it is begun anew without what was set aside.
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
    """The report batches of one partition. `beat` is called between steps that take a moment each."""

    def __init__(self, context: Context, number: int, beat: Callable[[], None]) -> None:
        self._context = context
        self._topics = context.settings.topics
        self._number = number
        self._beat = beat
        self._last_good = -1

    async def merge(self, events: Sequence[Event], begin: Callable[[], Unit]) -> Unit:
        """A unit made by `begin`, with all of the batches that can be routed.

        Raises:
            TooManyDeadLettersError: too many cannot.
            KafkaError: what cannot be routed could not be set aside.

        """
        left, unreadable = list(events), list[StoredError]()
        while (unit := await self._try(left, unreadable, begin())) is None:
            pass
        return unit

    async def _try(self, left: list[Event], unreadable: list[StoredError], unit: Unit) -> Unit | None:
        """The unit with all batches that are left. None: something was set aside, so it is to be begun anew."""
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
            except Exception as error:  # noqa: BLE001  # computing alone: whatever it raises is about this batch
                await self._set_aside(event, error)
                del left[at]
                return None
            await asyncio.sleep(0)
        return unit

    def _take(self, unit: Unit, event: Event) -> None:
        came = event.message.headers or ()
        is_replay = any(name == REPLAYED for name, _ in came)
        with trace.span("merge", parent=trace.of(came), partition=self._number):
            unit.take(ReportBatch.decode(event.value), trace.headers(), is_replay=is_replay)
        if event.message.offset > self._last_good:
            self._last_good = event.message.offset
            self._context.deadletters.limit.good(self._topics.reports.name, self._number)

    async def _set_aside(self, event: Event, error: Exception) -> None:
        headers = tuple(event.message.headers or ())
        raw = Raw(event.message.offset, event.message.key, event.value, headers)
        await self._keep(self._topics.reports.name, raw, error)

    async def set_aside_stored(self, error: StoredError) -> None:
        """Set aside the record of a stored indicator that cannot be read, as it stands in the changelog."""
        offset = await offset_of(self._context.settings, self._number, error.key)
        await self._keep(self._topics.indicators.name, Raw(offset, error.key, error.raw), error)

    async def _keep(self, topic: str, raw: Raw, error: Exception) -> None:
        self._beat()
        await asyncio.to_thread(self._context.deadletters.set_aside, topic, self._number, raw, error)
        self._beat()
