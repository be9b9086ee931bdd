"""Takes over partitions: fence the former owner, read the state in bulk, set the group to the offset in the state.

Invariant: in this order. A fenced owner can add nothing behind the state that is read, and only committed records are
read.
"""

import asyncio
import time
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.progress import PROGRESS_KEY, Progress
from schemas.record import UndecodableError
from services.router.engine.producers import PartitionProducers
from services.router.engine.state import PartitionState
from services.runtime.deadletters import DeadLetters
from services.runtime.exits import LostFootingError
from services.runtime.kafka.bulk_read import Raw
from services.runtime.kafka.clients import security
from services.runtime.observability import log
from services.runtime.observability.metrics import RECOVERED, RECOVERY_SECONDS
from services.runtime.settings import Settings

_LOG = log.get(__name__)


async def take_over(
    settings: Settings, producers: PartitionProducers, deadletters: DeadLetters, numbers: set[int], reports_id: str
) -> dict[int, PartitionState]:
    """Become the owner of partitions and load their state. `reports_id`: of the topic of reports as it is now."""
    started = time.monotonic()
    await asyncio.gather(*(producers.open(number) for number in numbers))
    states = {number: PartitionState(number) for number in numbers}
    count = await _load(settings, states, deadletters, reports_id)
    await asyncio.gather(
        *(
            producers.set_group_offset(number, settings.topics.reports.name, state.progress.reports_next)
            for number, state in states.items()
        )
    )
    seconds = time.monotonic() - started
    RECOVERED.inc(count)
    RECOVERY_SECONDS.set(seconds)
    _LOG.info("took over", partitions=sorted(numbers), records=count, seconds=round(seconds, 2))
    return states


def _reader(settings: Settings) -> AIOKafkaConsumer:
    return AIOKafkaConsumer(
        bootstrap_servers=settings.kafka_bootstrap.split(","),
        isolation_level="read_committed",
        enable_auto_commit=False,
        max_poll_records=20_000,
        fetch_max_bytes=50_000_000,
        max_partition_fetch_bytes=10_000_000,
        **security(settings),
    )


async def _load(
    settings: Settings, states: dict[int, PartitionState], deadletters: DeadLetters, reports_id: str
) -> int:
    partitions = [TopicPartition(settings.topics.indicators.name, number) for number in states]
    reader, count = _reader(settings), 0
    await reader.start()
    try:
        reader.assign(partitions)
        await reader.seek_to_beginning(*partitions)
        end = await reader.end_offsets(partitions)
        left = set(partitions)
        while left := {part for part in left if await reader.position(part) < end[part]}:
            for part, messages in (await reader.getmany(timeout_ms=200)).items():
                count += len(messages)
                state = states[part.partition]
                for message in messages:
                    if message.key == PROGRESS_KEY:
                        await _take_progress(state, message, deadletters)
                    elif message.value is None:
                        state.indicators.pop(message.key, None)
                    else:
                        state.indicators[message.key] = message.value
        await _begin_again_where_made_anew(settings, reader, states, reports_id)
    finally:
        await reader.stop()
    return count


async def _take_progress(state: PartitionState, message: Any, deadletters: DeadLetters) -> None:  # noqa: ANN401
    """Progress that cannot be read is set aside; without any, all kept reports are merged again, which is harmless."""
    try:
        state.progress = Progress() if message.value is None else Progress.decode(message.value)
    except UndecodableError as error:
        state.progress = Progress()
        raw = Raw(message.offset, message.key, message.value, tuple(message.headers))
        await asyncio.to_thread(deadletters.set_aside, message.topic, message.partition, raw, error)


async def _begin_again_where_made_anew(
    settings: Settings, reader: AIOKafkaConsumer, states: dict[int, PartitionState], reports_id: str
) -> None:
    """Reports whose topic was re-created begin at offset 0 again, however many there are by now."""
    topic = settings.topics.reports.name
    for part, end in (await reader.end_offsets([TopicPartition(topic, number) for number in states])).items():
        state = states[part.partition]
        before = state.progress
        following = before.reports_next
        if before.reports_topic not in ("", reports_id) or end < following:
            _LOG.error("the topic was re-created; reading it from its beginning", topic=topic, end=end, next=following)
            following = 0
        state.progress = before.model_copy(update={"reports_next": following, "reports_topic": reports_id})


async def changelog_ends(settings: Settings, numbers: set[int]) -> dict[int, int]:
    """Return the end offset of each partition's changelog."""
    topic = settings.topics.indicators.name
    reader = _reader(settings)
    await reader.start()
    try:
        ends = await reader.end_offsets([TopicPartition(topic, number) for number in numbers])
    finally:
        await reader.stop()
    return {part.partition: end for part, end in ends.items()}


async def offset_of(settings: Settings, number: int, key: bytes) -> int:
    """Return the offset of the latest record of a key in a partition's changelog.

    Raises:
        LostFootingError: there is none, so the changelog no longer matches the state that was read.

    """
    part, found = TopicPartition(settings.topics.indicators.name, number), None
    reader = _reader(settings)
    await reader.start()
    try:
        reader.assign([part])
        await reader.seek_to_beginning(part)
        end = (await reader.end_offsets([part]))[part]
        while await reader.position(part) < end:
            for message in (await reader.getmany(timeout_ms=200)).get(part, []):
                found = int(message.offset) if message.key == key else found
    finally:
        await reader.stop()
    if found is None:
        raise LostFootingError(f"{key!r} is not in {part.topic}-{number} any more, so the state is out of date")
    return found


async def first_between(settings: Settings, number: int, start: int, stop: int) -> int | None:
    """Return the offset of the first report batch in [start, stop), or None if it holds only transaction markers."""
    part = TopicPartition(settings.topics.reports.name, number)
    reader = _reader(settings)
    await reader.start()
    try:
        reader.assign([part])
        kept_from = (await reader.beginning_offsets([part]))[part]
        if kept_from > start:
            _LOG.error("reports expired before they were routed", partition=number, offsets=f"{start}-{kept_from - 1}")
        reader.seek(part, max(start, kept_from))
        while await reader.position(part) < stop:
            for message in (await reader.getmany(timeout_ms=200)).get(part, []):
                if message.offset < stop:
                    return int(message.offset)
                return None
    finally:
        await reader.stop()
    return None
