"""The observable of an indicator: the address or name that it is or leads to, which guards check.

Splits canonical values at their punctuation; `schemas/canonical.py` guarantees their form.
"""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from socket import AF_INET, AF_INET6, inet_pton

from schemas.types import Family, IndicatorType

Address = IPv4Address | IPv6Address
_DOMAIN, _URL = IndicatorType.DOMAIN, IndicatorType.URL
"""Local names, because reading a member of an enumeration takes half the time of `Observable.of`."""


@dataclass(slots=True)
class Observable:
    """An indicator as guards see it. A hash has neither `name` nor `address`; any other indicator has one of them.

    `whole`: the indicator is the name or address itself, or the URL of its root.
    """

    type: IndicatorType
    value: str
    name: str | None = None
    address: Address | None = None
    whole: bool = True

    @classmethod
    def of(cls, kind: IndicatorType, value: str) -> "Observable":
        """Make the observable of a canonical value."""
        if kind is _DOMAIN:
            return cls(kind, value, value)
        if kind is _URL:
            authority, _, rest = value.partition("://")[2].partition("/")
            if authority[:1] == "[":
                return cls(kind, value, None, _address(authority[1:].partition("]")[0]), not rest)
            host = authority.partition(":")[0]
            numeric = _address(host) if host[-1:].isdecimal() else None  # few top-level domains end in a digit
            return cls(kind, value, None if numeric else host, numeric, not rest)
        if kind.family is Family.HASH:
            return cls(kind, value)
        return cls(kind, value, None, _address(value))


def _address(text: str) -> Address | None:
    """Return the address, an IPv4-mapped one as IPv4 because that is sent on the network; None if it is none."""
    try:
        if ":" not in text:
            return IPv4Address(inet_pton(AF_INET, text))  # twice as fast as parsing by `ipaddress`
        found = IPv6Address(inet_pton(AF_INET6, text))
    except (OSError, ValueError):  # ValueError: a text with a NUL
        return None
    return found.ipv4_mapped or found
