"""Unreadable pages: kept with their bytes as dead letters, so that the iterator can go on.

A page that is larger than a Kafka record becomes several dead letters. Their ids depend only on the bytes, so the same
page has the same ids after a restart.
"""

from typing import Final
from zlib import crc32

from schemas.deadletter import DeadLetter
from schemas.level import Level
from services.runtime.clock import now_ms
from services.runtime.kafka.transactional_producer import OutgoingRecord
from services.runtime.observability.metrics import PAGES_SET_ASIDE
from services.runtime.polling.puller import SourceContext
from services.runtime.vendors.errors import BrokenAnswerError

PART_BYTES: Final = 500_000
"""Bytes of a page in one dead letter: half of the limit of a record."""
MOST_BYTES: Final = 20_000_000
"""Most bytes of a page that are kept. The largest page seen has 10,000 alerts of some 1,500 bytes."""
_REMEDY: Final = (
    "read the page with `ioc-bridge deadletters show`, push its indicators by hand if needed, and report the fault to "
    "the vendor"
)


def is_page(error: BrokenAnswerError) -> bool:
    """Whether an unreadable body is a page of an iterator, and not an error page of a proxy or gateway."""
    return error.content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") and b'"result"' in error.content


def keep_page(source_context: SourceContext, error: BrokenAnswerError) -> None:
    """Publish a page as dead letters, and report that. Raises ProducerError if that fails."""
    topic, content = f"vendor.{source_context.name}.{error.route}", error.content[:MOST_BYTES]
    parts = [content[start : start + PART_BYTES] for start in range(0, len(content), PART_BYTES)]
    cut = f"; the first {MOST_BYTES} of {len(error.content)} bytes" if len(content) < len(error.content) else ""
    entries = []
    for number, part in enumerate(parts):
        why = f"part {number + 1} of {len(parts)} of a page: {error.text}{cut}"
        dead_letter = DeadLetter(
            topic=topic,
            partition=number,
            offset=crc32(content),
            service=source_context.service,
            error=why[:500],
            at=now_ms(),
        )
        topic_name, key = source_context.topics.deadletters.name, source_context.name.encode()
        entries.append(OutgoingRecord(topic_name, key, part, 0, tuple(dead_letter.headers())))
    source_context.reporter.write(entries)
    PAGES_SET_ASIDE.labels(source_context.name, error.route).inc()
    text = (
        f"a page of {error.route} is unreadable and kept as dead letter {topic}@0:{crc32(content)}: {error.text}{cut}"
    )
    source_context.tell(Level.ERROR, "page_set_aside", text, remedy=_REMEDY)
