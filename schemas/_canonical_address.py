"""Canonical form of single IP addresses. Refuses ranges, and spellings that parsers read differently."""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from schemas._canonical_refusal import RefusalReason, Refused
from schemas.types import IndicatorType

_V4_LIKE = re.compile(r"[0-9.]+")
_V6_LIKE = re.compile(r"[0-9A-Fa-f:.]+(?:%\S*)?")
_CIDR_LIKE = re.compile(r"[0-9A-Fa-f:.]+/[0-9.]+")
_SPAN_LIKE = re.compile(r"([0-9A-Fa-f:.]+)\s*[-‐-―−~]\s*([0-9A-Fa-f:.]+)")  # a hyphen or any dash


def address(text: str) -> tuple[IndicatorType, str] | None:
    """Return the address in `text`, or None if it does not look like one. A range of one address is that address.

    Raises `Refused`.
    """
    if _V4_LIKE.fullmatch(text):
        return IndicatorType.IPV4, _v4(text)
    inner = text[1:-1] if text[0] == "[" and text[-1] == "]" else text
    if inner.count(":") > 1 and _V6_LIKE.fullmatch(inner):
        return _v6(inner, text)
    ends = _ends(text)
    if ends is None:
        return None
    if ends[0] != ends[1]:
        raise Refused.because(
            RefusalReason.ADDRESS_RANGE, text, "is a range of addresses; give single ones (or http://… if it is a URL)"
        )
    return ends[0]


def unmapped(found: IPv6Address) -> tuple[IndicatorType, str]:
    """Return the address used on the wire: IPv4 if it is mapped into IPv6, else IPv6 in RFC 5952 form."""
    if found.ipv4_mapped is not None:
        return IndicatorType.IPV4, str(found.ipv4_mapped)
    return IndicatorType.IPV6, str(found)


def _ends(text: str) -> tuple[tuple[IndicatorType, str], tuple[IndicatorType, str]] | None:
    """Return the first and the last address of a network in CIDR notation or of a span; None when `text` is neither."""
    if _CIDR_LIKE.fullmatch(text):
        try:
            network = ip_network(text, strict=False)
        except ValueError:
            return None
        return _plain(network[0]), _plain(network[-1])
    span = _SPAN_LIKE.fullmatch(text)
    if span is None:
        return None
    first = _parse(span[1])
    last = _parse(span[2]) or _parse(_last_part_replaced(span[1], span[2]))
    if first is None or not (last or span[2].isdecimal()):
        return None
    return _plain(first), _plain(last or ip_address(0))


def _last_part_replaced(first: str, part: str) -> str:
    """The end of a span that gives its last part only: 192.0.2.1-9."""
    return re.sub(r"[^.:]*\Z", part, first, count=1) if re.fullmatch("[0-9A-Fa-f]+", part) else ""


def _parse(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def _plain(found: IPv4Address | IPv6Address) -> tuple[IndicatorType, str]:
    return unmapped(found) if isinstance(found, IPv6Address) else (IndicatorType.IPV4, str(found))


def _v4(text: str) -> str:
    try:
        return str(IPv4Address(text))
    except ValueError:
        raise Refused.because(
            RefusalReason.BAD_ADDRESS, text, "is no IPv4 address; write four decimal numbers, as in 192.0.2.1"
        ) from None


def _v6(inner: str, text: str) -> tuple[IndicatorType, str]:
    """The address in its one spelling. Raises `Refused`."""
    try:
        found = IPv6Address(inner)
    except ValueError:
        raise Refused.because(RefusalReason.BAD_ADDRESS, text, "is no IPv6 address; write it as 2001:db8::1") from None
    if found.scope_id is not None:
        raise Refused.because(
            RefusalReason.BAD_ADDRESS, text, "has a zone, which means nothing elsewhere; leave out the %"
        )
    return unmapped(found)
