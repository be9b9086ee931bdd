"""Refusals: why a text is no indicator, as a stable code and one line with the remedy."""

from enum import StrEnum
from typing import Self

_SHOWN = 80


class RefusalReason(StrEnum):
    """Stable codes. They are counted and stored, so they are never renamed."""

    EMPTY = "empty"  # nothing left without the blanks and quotes around it
    TOO_LONG = "too_long"  # longer than MAX_LENGTH characters, as given or in canonical form
    NOT_TEXT = "not_text"  # control characters, or halves of a surrogate pair, inside
    NOT_RECOGNISED = "not_recognised"  # no type fits: prose, an e-mail address, a path without its host
    SEVERAL_VALUES = "several_values"  # more than one URL in one text
    WRONG_TYPE = "wrong_type"  # a valid indicator, but not of the declared type
    ADDRESS_RANGE = "address_range"  # a network or a range of more than one address
    WILDCARD = "wildcard"  # a * in the host
    BAD_HOST = "bad_host"  # not a DNS name
    BAD_ADDRESS = "bad_address"  # resembles an IP address, but is invalid or parsers read it differently
    BAD_HASH = "bad_hash"  # not the hexadecimal digits of an MD5, a SHA-1 or a SHA-256
    BAD_SCHEME = "bad_scheme"  # a URL of a scheme that neither a proxy nor a browser fetches by host
    BAD_URL = "bad_url"  # the rest of what makes a URL unreadable: its port, backslashes


class Refused(ValueError):  # noqa: N818 – the word that records use
    """A text is not exactly one indicator. `str()` is one line: what is wrong and what to do."""

    def __init__(self, reason: RefusalReason, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return self.detail

    @classmethod
    def because(cls, reason: RefusalReason, text: str, why: str) -> Self:
        """Make a refusal with the text `text`, shortened and escaped to one printable line, then `why`."""
        shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
        return cls(reason, f"{shown!r} {why}")
