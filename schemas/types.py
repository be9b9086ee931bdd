"""The vocabulary of an indicator: its fine type, and the family that rules and targets speak of."""

from enum import StrEnum


class IndicatorType(StrEnum):
    """What an indicator is, as fine as we tell it apart. Part of its identity."""

    URL = "url"
    DOMAIN = "domain"
    IPV4 = "ipv4"
    IPV6 = "ipv6"
    MD5 = "md5"
    SHA1 = "sha1"
    SHA256 = "sha256"

    @property
    def family(self) -> "Family":
        """The family this type belongs to."""
        return Family.HASH if self in _HASHES else Family.URL


class Family(StrEnum):
    """The two families both vendors think in: what is visited, and what is a file."""

    URL = "url"
    HASH = "hash"


_HASHES = frozenset({IndicatorType.MD5, IndicatorType.SHA1, IndicatorType.SHA256})


class Severity(StrEnum):
    """How bad a source says an indicator is, from least to most."""

    UNKNOWN = "unknown"
    INFORMATIONAL = "informational"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"
