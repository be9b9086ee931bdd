"""A record that could not be decoded. Its key, value and headers stay the original ones; this travels in more headers.

So it can be produced again where it came from just as it was. Of a record that is too large to be copied with these
headers a stub is kept: without its value and headers, and with what the original is known by (`size`, `checksum`).
"""

from collections.abc import Iterable
from typing import Self

from pydantic import ValidationError

from schemas.record import Millis, Record, UndecodableError

_PREFIX = "ioc-bridge."
_MOST_TEXT = 500
"""Characters of an error that are kept."""
Header = tuple[str, bytes | None]


class DeadLetter(Record):
    """Where the undecodable record came from, which service refused it, why and when.

    `size` and `checksum` are there in a stub only.
    """

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
    size: int | None = None
    """Bytes of the record's key, value and headers, where it was too large to be copied; absent: this is the copy."""
    checksum: str | None = None
    """Digest of the record's key and value, where it was too large to be copied."""

    @property
    def id(self) -> str:
        """What people call it by: where the record stood."""
        return f"{self.topic}@{self.partition}:{self.offset}"

    @property
    def is_stub(self) -> bool:
        """Whether the record itself is not kept, only where it is."""
        return self.checksum is not None

    def headers(self) -> list[tuple[str, bytes]]:
        """As Kafka headers."""
        found = self.model_dump(exclude_none=True)
        return [(_PREFIX + name, str(value).encode()) for name, value in found.items()]

    @staticmethod
    def text_of(error: Exception) -> str:
        """The text of an error as a letter keeps it: bounded, and nothing in it that UTF-8 cannot say."""
        return str(error)[:_MOST_TEXT].encode(errors="backslashreplace").decode()[:_MOST_TEXT]

    @staticmethod
    def original(headers: Iterable[Header]) -> list[Header]:
        """The headers that the record itself came with."""
        return [(name, value) for name, value in headers if not name.startswith(_PREFIX)]

    @classmethod
    def from_headers(cls, headers: Iterable[Header]) -> Self:
        """Read it back.

        Raises:
            UndecodableError: a header is missing or wrong, so the record is no dead letter.

        """
        named = [(name.removeprefix(_PREFIX), value) for name, value in headers if name.startswith(_PREFIX)]
        found = {name: (value or b"").decode(errors="replace") for name, value in named}
        version = found.pop("v", None)  # a literal number is never read from text
        try:
            letter = cls.model_validate_strings(found)
            return cls.model_validate(
                {**letter.model_dump(), "v": int(version) if version and version.isdecimal() else version}
            )
        except ValidationError as error:
            raise UndecodableError(f"not a dead letter: {error.errors(include_url=False)[0]['loc']}") from error
