"""Types, families and severities of indicators."""

from enum import StrEnum


class IndicatorType(StrEnum):
    """The type of an indicator. Part of its identity."""

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
    """The two families of both vendors: network destinations, and files."""

    URL = "url"
    HASH = "hash"


_HASHES = frozenset({IndicatorType.MD5, IndicatorType.SHA1, IndicatorType.SHA256})


class Severity(StrEnum):
    """Severity of an indicator, from lowest to highest."""

    UNKNOWN = "unknown"
    INFORMATIONAL = "informational"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"
