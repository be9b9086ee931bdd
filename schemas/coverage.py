"""What an indicator covers at a target: the same domain means the same at both vendors, unless a target says otherwise.

Sources: Microsoft, "Create indicators for IPs and URLs/domains"; Netskope, "URL Lists", "URL List Best Practices".
Reasons: docs/decisions/0034-subdomains.md.
"""

from typing import Final

from schemas.targets import DestinationProfile, Target, UrlList
from schemas.types import Family, IndicatorType

_QUOTES_AND_COMMA: Final = 3
_WILDCARD: Final = "*."


def coverage(type_: IndicatorType, value: str, target: Target) -> str:
    """What is blocked, for people, where this target holds this indicator."""
    if type_.family is Family.HASH:
        return "this file"
    if type_ is IndicatorType.DOMAIN:
        is_exact = isinstance(target, UrlList | DestinationProfile) and target.subdomains == "exact"
        return f"{value} alone" if is_exact else f"{value} and everything below it"
    if type_ is not IndicatorType.URL:
        return "this address"
    if not isinstance(target, UrlList | DestinationProfile):
        return "this URL; by its path only where the browser shows Defender the path"
    address = value.partition("://")[2]
    host, _, rest = address.partition("/")
    return f"what begins with {address}, by http or https" if rest else f"{host} alone, by http or https"


def size_in_list(type_: IndicatorType, value: str, target: object, *, has_wide_wildcard: bool) -> int:
    """Bytes that an indicator takes in a list, each entry with two quotes and a comma: a domain may be two entries.

    `target` is None where it is not known. `has_wide_wildcard`: `*.host` covers `host` itself in this tenant.
    """
    size = len(value.encode()) + _QUOTES_AND_COMMA
    if type_ is not IndicatorType.DOMAIN or not isinstance(target, UrlList | DestinationProfile):
        return size
    if target.match == "regex" or target.subdomains == "exact":
        return size
    wildcard = size + len(_WILDCARD)
    return wildcard if has_wide_wildcard and isinstance(target, UrlList) else size + wildcard
