"""Pages that no try can read: kept with their bytes in the dead letters, so that the iterator can go on.

A page is one letter, or several where it is larger than a record of Kafka's. Its id is made from its bytes, so the same
page that is set aside again after a restart is the same letter.
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
"""Bytes of a page in one letter: half of what a record may have."""
MOST_BYTES: Final = 20_000_000
"""Bytes of a page that are kept. The largest page seen has 10,000 alerts of some 1,500 bytes."""
_REMEDY: Final = (
    "read the page with `ioc-bridge deadletters show`, and push what it says by hand where that matters; tell the "
    "vendor what is wrong with it"
)


def is_page(error: BrokenAnswerError) -> bool:
    """Whether a body that could not be read is a page of an iterator, and not an error page of something on the way."""
    return error.content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") and b'"result"' in error.content


def set_aside(source_context: SourceContext, error: BrokenAnswerError) -> None:
    """Keep a page in the dead letters, and tell so. Raises ProducerError where Kafka does not take it."""
    topic, content = f"vendor.{source_context.name}.{error.route}", error.content[:MOST_BYTES]
    parts = [content[start : start + PART_BYTES] for start in range(0, len(content), PART_BYTES)]
    cut = f"; the first {MOST_BYTES} of {len(error.content)} bytes" if len(content) < len(error.content) else ""
    entries = []
    for number, part in enumerate(parts):
        why = f"part {number + 1} of {len(parts)} of a page: {error.text}{cut}"
        letter = DeadLetter(
            topic=topic,
            partition=number,
            offset=crc32(content),
            service=source_context.service,
            error=why[:500],
            at=now_ms(),
        )
        entries.append(
            OutgoingRecord(
                source_context.topics.deadletters.name, source_context.name.encode(), part, 0, tuple(letter.headers())
            )
        )
    source_context.reporter.write(entries)
    PAGES_SET_ASIDE.labels(source_context.name, error.route).inc()
    text = (
        f"a page of {error.route} could not be read and is set aside as {topic}@0:{crc32(content)}: {error.text}{cut}"
    )
    source_context.tell(Level.ERROR, "page_set_aside", text, remedy=_REMEDY)
