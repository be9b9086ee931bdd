"""What guards look at: the address or name that an indicator is, or leads to.

Canonical values are taken apart by their punctuation alone; schemas/canonical.py promises their form.
"""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from socket import AF_INET, AF_INET6, inet_pton

from schemas.types import Family, IndicatorType

Address = IPv4Address | IPv6Address
_DOMAIN, _URL = IndicatorType.DOMAIN, IndicatorType.URL
"""By these names: to read a member of an enumeration takes as long as half of what is done here."""


@dataclass(slots=True)
class Observable:
    """An indicator as guards see it. A hash has neither `name` nor `address`; everything else has one of the two.

    `whole` says that the indicator stands for all of it: it is the name or address itself, or the URL of its root.
    """

    type: IndicatorType
    value: str
    name: str | None = None
    address: Address | None = None
    whole: bool = True

    @classmethod
    def of(cls, kind: IndicatorType, value: str) -> "Observable":
        """Take a canonical value apart."""
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
    """A mapped address is the IPv4 one: that is what travels on the wire. None where it is none after all."""
    try:
        if ":" not in text:
            return IPv4Address(inet_pton(AF_INET, text))  # twice as fast as to have the text read by `ipaddress`
        found = IPv6Address(inet_pton(AF_INET6, text))
    except (OSError, ValueError):  # ValueError: a text with a NUL
        return None
    return found.ipv4_mapped or found
