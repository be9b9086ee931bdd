"""What an indicator covers at a target. A domain covers the same at both vendors, unless a target says otherwise.

Sources: Microsoft, "Create indicators for IPs and URLs/domains"; Netskope, "URL Lists", "URL List Best Practices".
Reasons: docs/decisions/0034-subdomains.md.
"""

from typing import Final

from schemas.targets import SharingTarget, Target
from schemas.types import Family, IndicatorType

_QUOTES_AND_COMMA: Final = 3


def coverage(type_: IndicatorType, value: str, target: Target) -> str:
    """What this indicator blocks at this target, as text."""
    if type_.family is Family.HASH:
        return "this file"
    if type_ is IndicatorType.DOMAIN:
        return f"{value} and everything below it" if target.covers_subdomains else f"{value} alone"
    return target.url_coverage(value) if type_ is IndicatorType.URL else "this address"


def size_in_list(type_: IndicatorType, value: str, target: SharingTarget | None, *, has_wide_wildcard: bool) -> int:
    """Bytes that an indicator takes in a list, with two quotes and a comma per entry. A domain may be two entries.

    `target` is None if it is unknown. `has_wide_wildcard`: `*.host` covers `host` itself in this tenant.
    """
    size = len(value.encode()) + _QUOTES_AND_COMMA
    if type_ is not IndicatorType.DOMAIN or target is None:
        return size
    return sum(len(prefix) + size for prefix in target.domain_entries(has_wide_wildcard=has_wide_wildcard))
