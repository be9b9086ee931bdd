"""The base of every record: versioned JSON, strict on known fields, tolerant of unknown ones.

A reader ignores unknown fields (a newer writer may add them) and rejects wrong types and unknown versions: a wrong
guess about a blocklist is worse than a dead letter.
"""

from collections.abc import Mapping
from functools import cached_property
from types import NoneType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, get_args

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from schemas.moment import Moment

Millis = Moment


_new = object.__new__
_set_values = BaseModel.__dict__["__dict__"].__set__
"""Sets all fields of a new record, which is frozen afterwards. Takes half as long as setting by name."""
_LEFT_OUT: dict[str, object] = {
    "__pydantic_fields_set__": set(), "__pydantic_extra__": None, "__pydantic_private__": None
}  # fmt: skip
"""Internal attributes of pydantic that no record uses. Shared, since copies get their own."""


class UndecodableError(ValueError):
    """The bytes are not a record of the expected kind: a dead letter."""


class Record(BaseModel):
    """Base of every record. Adding an optional field is compatible; anything else needs a new `v`."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True, use_attribute_docstrings=True)

    v: Literal[1] = 1
    """Version of the record's form; a reader refuses unknown versions."""

    _may_be_absent: ClassVar[tuple[str, ...]] = ()
    """Optional fields. They are left out on the wire while None."""

    @classmethod
    def __pydantic_init_subclass__(cls, **_: object) -> None:
        """Find the optional fields once for each class."""
        fields = cls.model_fields.items()
        cls._may_be_absent = tuple(name for name, field in fields if NoneType in get_args(field.annotation))

    @classmethod
    def trusted(cls, values: dict[str, Any]) -> Self:
        """A record of valid values, one for every field, without validation.

        A router makes several records for each report; validation, or `model_construct`, took most of its time.
        """
        made = _new(cls)
        _set_values(made, values)
        return made

    if not TYPE_CHECKING:  # or any name would be one of a record

        def __getattr__(self, name: str) -> object:
            """The internal attributes that `trusted` does not set, for speed. Only pydantic reads them."""
            return _LEFT_OUT[name] if name in _LEFT_OUT else super().__getattr__(name)

    def encode(self) -> bytes:
        """The record's bytes on the wire. Absent optional fields are left out.

        Uses orjson, which is faster than pydantic; tests compare the two. The result is copied, because orjson returns
        a shrunk buffer of kilobytes: hundreds of thousands of these would fragment the heap.
        """
        return bytes(memoryview(orjson.dumps(_plain(self), default=_plain)))

    @classmethod
    def decode(cls, raw: bytes | str) -> Self:
        """Read a record from the wire.

        Raises:
            UndecodableError: the bytes are not JSON, or not a valid record; names the field.

        """
        try:
            return cls.model_validate_json(raw)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(part) for part in first["loc"]) or "record"
            raise UndecodableError(f"not a {cls.__name__}: {place}: {first['msg']}") from error


def _plain(part: BaseModel) -> dict[str, Any] | orjson.Fragment:
    """A part of a record in the form that orjson accepts. Models that are no records have aliases on the wire."""
    if isinstance(part, Record):
        said = part.__dict__.copy()
        for name in part._may_be_absent:  # noqa: SLF001  # of this module
            if said[name] is None:
                del said[name]
        return said
    return orjson.Fragment(part.__dict__.get("wire") or _written(part))


def _written(part: BaseModel) -> bytes:
    return part.__pydantic_serializer__.to_json(part, exclude_none=True)


class Part(BaseModel):
    """Base of parts that very many records repeat: their serialised bytes are cached."""

    @cached_property
    def wire(self) -> bytes:
        """Return its bytes in a record, cached."""
        return _written(self)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy without the cached bytes."""
        copied = super().model_copy(update=update, deep=deep)
        copied.__dict__.pop("wire", None)
        return copied


class Reason(BaseModel):
    """Why something was skipped, held, rejected or failed: a stable code to count by and a sentence to act on."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True, use_attribute_docstrings=True)

    code: str
    """Stable code, to count and filter by."""
    detail: str = ""
    """What happened and what to do, for people."""
