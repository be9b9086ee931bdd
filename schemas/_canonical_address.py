"""IP addresses alone: one address, spelled one way. Ranges and spellings that readers disagree on are refused."""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from schemas._canonical_refusal import RefusalReason, Refused
from schemas.types import IndicatorType

_V4_LIKE = re.compile(r"[0-9.]+")
_V6_LIKE = re.compile(r"[0-9A-Fa-f:.]+(?:%\S*)?")
_CIDR_LIKE = re.compile(r"[0-9A-Fa-f:.]+/[0-9.]+")
_SPAN_LIKE = re.compile(r"([0-9A-Fa-f:.]+)\s*-\s*([0-9A-Fa-f:.]+)")


def address(text: str) -> tuple[IndicatorType, str] | None:
    """The address `text` is, or None when it was not meant as one. Raises `Refused`."""
    if _V4_LIKE.fullmatch(text):
        return IndicatorType.IPV4, _v4(text)
    inner = text[1:-1] if text[0] == "[" and text[-1] == "]" else text
    if inner.count(":") > 1 and _V6_LIKE.fullmatch(inner):
        return _v6(inner, text)
    if is_range(text):
        raise Refused.because(
            RefusalReason.ADDRESS_RANGE, text, "is a range of addresses; give single ones (or http://… if it is a URL)"
        )
    return None


def is_range(text: str) -> bool:
    """Whether `text` is a network in CIDR notation or two ends of a span."""
    if _CIDR_LIKE.fullmatch(text):
        try:
            ip_network(text, strict=False)
        except ValueError:
            return False
        return True
    span = _SPAN_LIKE.fullmatch(text)
    return span is not None and _is_address(span[1]) and (span[2].isdecimal() or _is_address(span[2]))


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _v4(text: str) -> str:
    try:
        return str(IPv4Address(text))
    except ValueError:
        raise Refused.because(
            RefusalReason.BAD_ADDRESS, text, "is no IPv4 address; write four decimal numbers, as in 192.0.2.1"
        ) from None


def _v6(inner: str, text: str) -> tuple[IndicatorType, str]:
    """RFC 5952 form. A mapped address is the IPv4 one: that is what travels on the wire."""
    try:
        found = IPv6Address(inner)
    except ValueError:
        raise Refused.because(RefusalReason.BAD_ADDRESS, text, "is no IPv6 address; write it as 2001:db8::1") from None
    if found.scope_id is not None:
        raise Refused.because(
            RefusalReason.BAD_ADDRESS, text, "has a zone, which means nothing elsewhere; leave out the %"
        )
    if found.ipv4_mapped is not None:
        return IndicatorType.IPV4, str(found.ipv4_mapped)
    return IndicatorType.IPV6, str(found)
