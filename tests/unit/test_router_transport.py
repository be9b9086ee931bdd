"""The router's way into Kafka, where it differs from Faust's."""

import asyncio
from collections.abc import Mapping

import pytest
from faust.types import TP

from services.router.engine.faust_internals import _Consumer

REPORTS = TP("reports", 0)


class Seeking(_Consumer):
    """A consumer that has no more than it takes to seek, and notes whether records may flow meanwhile."""

    def __init__(self) -> None:
        self.can_resume_flow, self.suspend_flow = asyncio.Event(), asyncio.Event()
        self._read_offset: dict[TP, int | None] = {}
        self._committed_offset: dict[TP, int | None] = {}
        self.flowed: list[bool] = []

    async def seek_to_committed(self) -> Mapping[TP, int]:
        self.flowed.append(self.flow_active)
        return {REPORTS: 7}


@pytest.mark.parametrize("begin", [Seeking.resume_flow, Seeking.stop_flow])
def test_nothing_flows_from_a_seek_on_since_faust_empties_its_queues_after_it(begin: object) -> None:
    consumer = Seeking()
    assert callable(begin)
    begin(consumer)
    asyncio.run(consumer.perform_seek())
    assert (consumer.flowed, consumer.flow_active, consumer._read_offset[REPORTS]) == ([False], False, 7)
    assert consumer.suspend_flow.is_set(), "who hands over a record at this moment gives up"
