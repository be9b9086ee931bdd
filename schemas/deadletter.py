"""A dead letter: a record that could not be decoded, with its original key, value and headers, and a note in headers.

So it can be produced again unchanged. A record too large to copy with these headers is kept as a stub: without value
and headers, but with `size` and `checksum` of the original.
"""

from collections.abc import Iterable
from typing import Self

from pydantic import ValidationError

from schemas.record import Millis, Record, UndecodableError

_PREFIX = "ioc-bridge."
_MOST_TEXT = 500
"""Characters of an error text to keep."""
Header = tuple[str, bytes | None]


class DeadLetter(Record):
    """The note: where the record came from, and which service could not decode it, why and when.

    Only a stub has `size` and `checksum`.
    """

    topic: str
    """Topic of the record."""
    partition: int
    """Partition of the record."""
    offset: int
    """Offset of the record."""
    service: str
    """The service that could not decode it."""
    error: str
    """Why it could not be decoded."""
    at: Millis
    """When the note was written."""
    size: int | None = None
    """Stub only: bytes of the record's key, value and headers."""
    checksum: str | None = None
    """Stub only: digest of the record's key and value."""

    @property
    def id(self) -> str:
        """The id: `<topic>@<partition>:<offset>` of the original record."""
        return f"{self.topic}@{self.partition}:{self.offset}"

    @property
    def is_stub(self) -> bool:
        """Whether this is a stub without the original bytes."""
        return self.checksum is not None

    def headers(self) -> list[tuple[str, bytes]]:
        """The note as Kafka headers."""
        found = self.model_dump(exclude_none=True)
        return [(_PREFIX + name, str(value).encode()) for name, value in found.items()]

    @staticmethod
    def text_of(error: Exception) -> str:
        """The text of an error, shortened and encodable as UTF-8."""
        return str(error)[:_MOST_TEXT].encode(errors="backslashreplace").decode()[:_MOST_TEXT]

    @staticmethod
    def original(headers: Iterable[Header]) -> list[Header]:
        """The headers of the original record."""
        return [(name, value) for name, value in headers if not name.startswith(_PREFIX)]

    @classmethod
    def from_headers(cls, headers: Iterable[Header]) -> Self:
        """Read the note from Kafka headers.

        Raises:
            UndecodableError: a header is missing or wrong, so the record is no dead letter.

        """
        named = [(name.removeprefix(_PREFIX), value) for name, value in headers if name.startswith(_PREFIX)]
        found = {name: (value or b"").decode(errors="replace") for name, value in named}
        version = found.pop("v", None)  # pydantic does not read a literal number from text
        try:
            note = cls.model_validate_strings(found)
            return cls.model_validate(
                {**note.model_dump(), "v": int(version) if version and version.isdecimal() else version}
            )
        except ValidationError as error:
            raise UndecodableError(f"not a dead letter: {error.errors(include_url=False)[0]['loc']}") from error
