"""A record that could not be decoded. Its key, value and headers stay the original ones; this travels in more headers.

So it can be produced again where it came from just as it was.
"""

from collections.abc import Iterable
from typing import Self

from schemas.record import Millis, Record

_PREFIX = "ioc-bridge."


class DeadLetter(Record):
    """Where the undecodable record came from, which service refused it, why and when."""

    topic: str
    """Topic of the record."""
    partition: int
    """Partition of the record."""
    offset: int
    """Offset of the record."""
    service: str
    """Which service could not decode it."""
    error: str
    """Why not."""
    at: Millis
    """When that was."""

    @property
    def id(self) -> str:
        """What people call it by: where the record stood."""
        return f"{self.topic}@{self.partition}:{self.offset}"

    def headers(self) -> list[tuple[str, bytes]]:
        """As Kafka headers."""
        return [(_PREFIX + name, str(value).encode()) for name, value in self.model_dump().items()]

    @staticmethod
    def original(headers: Iterable[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
        """The headers that the record itself came with."""
        return [(name, value) for name, value in headers if not name.startswith(_PREFIX)]

    @classmethod
    def from_headers(cls, headers: Iterable[tuple[str, bytes]]) -> Self:
        """Read it back. Raises pydantic.ValidationError where a header is missing or wrong."""
        found = {name.removeprefix(_PREFIX): value.decode() for name, value in headers if name.startswith(_PREFIX)}
        version = found.pop("v", None)  # a literal number is never read from text
        letter = cls.model_validate_strings(found)
        return cls.model_validate(
            {**letter.model_dump(), "v": int(version) if version and version.isdigit() else version}
        )
