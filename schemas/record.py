"""What every travelling record shares: JSON with a version, strict about what it knows, tolerant of what it does not.

A reader ignores fields it has never heard of (a newer writer may add them) and rejects a wrong type or a version it
does not know: a guess about somebody's blocklist is worse than a dead letter.
"""

from typing import Annotated, Any, Literal, Self

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

MILLIS = "milliseconds since the Unix epoch, UTC"
Millis = Annotated[int, Field(ge=0, title=MILLIS)]


_set = object.__setattr__
"""Records are frozen; while one is being made it is not."""
_NONE_TOLD: set[str] = set()
"""Which fields were given is of no use to us. Shared, since copies get one of their own."""


class UndecodableError(ValueError):
    """The bytes are not a record of the expected kind; they belong to the dead letters."""


class Record(BaseModel):
    """Base of every record. Adding an optional field is compatible; anything else needs a new `v`."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True, use_attribute_docstrings=True)

    v: Literal[1] = 1
    """Version of the record's form; a reader refuses those it does not know."""

    @classmethod
    def trusted(cls, values: dict[str, Any]) -> Self:
        """A record of values that are known to be valid, one for every field, without looking at them again.

        A router makes several for each report; validating them, or `model_construct`, is what most of its time went to.
        """
        made = cls.__new__(cls)
        _set(made, "__dict__", values)
        _set(made, "__pydantic_fields_set__", _NONE_TOLD)
        _set(made, "__pydantic_extra__", None)
        _set(made, "__pydantic_private__", None)
        return made

    def encode(self) -> bytes:
        """The record's bytes on the wire. Absent optional fields are left out.

        By orjson, which needs less time than the model's own way does; tests hold the two against each other. It hands
        over what it wrote in a buffer of kilobytes, shrunk where it stands: kept by the hundred thousand, such bytes
        leave the heap full of holes, so they are copied.
        """
        return bytes(memoryview(orjson.dumps(_plain(self), default=_plain)))

    @classmethod
    def decode(cls, raw: bytes | str) -> Self:
        """Read a record from the wire.

        Raises:
            UndecodableError: the bytes are not JSON, or not a record that can be trusted; says which field.

        """
        try:
            return cls.model_validate_json(raw)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(part) for part in first["loc"]) or "record"
            raise UndecodableError(f"not a {cls.__name__}: {place}: {first['msg']}") from error


def _plain(part: BaseModel) -> dict[str, Any] | orjson.Fragment:
    """A part of a record as orjson takes it. Models that are no records have names of their own on the wire."""
    if isinstance(part, Record):
        return {name: value for name, value in part.__dict__.items() if value is not None}
    return orjson.Fragment(part.__pydantic_serializer__.to_json(part, exclude_none=True))


class Reason(BaseModel):
    """Why something was skipped, held, rejected or failed: a stable code to count by and a sentence to act on."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True, use_attribute_docstrings=True)

    code: str
    """Stable code, to count and filter by."""
    detail: str = ""
    """What happened and what to do, for people."""
