"""How an indicator is written into a Netskope list or profile, and why it cannot be.

An exact URL list says `host`, `host:port` or `host/path?query`: the scheme is allowed, but discouraged and ignored, so
it is left out, and what differs in its scheme only is one entry. A domain covers what is below it, as at Defender: it
is the pair `host` and `*.host`, or `*.host` alone in a URL list where the tenant's wildcard covers the host itself.
Where the target says `subdomains: exact`, it is `host` alone. A destination profile says the same, in lower case where
Netskope does not tell the cases apart, so that what differs in that only is one entry; there a domain is always the
pair: Netskope documents the wildcard that covers the host itself for URL lists only. A pattern covers a domain in one
entry. Sources: Netskope, "URL List Best Practices", "Update a File Hash List". Where only the vendor knows, the vendor
decides: an entry it refuses is rejected.
"""

import re
from enum import StrEnum
from typing import Final

from schemas.record import Reason
from schemas.targets import Target
from schemas.types import IndicatorType
from schemas.vendors.netskope import DestinationProfile, FileHashList, NetskopeTenant, UrlList
from services.runtime.reconciling.entry import Entry

_SPECIAL: Final = re.compile(r"[\\^$.|?*+()\[\]{}]")
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._~!$&'()+,;=:@/?%-]|%(?![0-9A-Fa-f]{2})")
_NETWORK: Final = re.compile(r"[0-9.]+/[0-9]{1,2}")
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST_NAME: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.IGNORECASE)
_NEVER: Final = "0.0.0.0"  # noqa: S104  # an entry that Netskope refuses, not an address to listen on


class WildcardUrlList(UrlList):
    """A URL list in a tenant where `*.host` covers `host` as well."""


class Skip(StrEnum):
    """Why an indicator cannot be in a list. Stable codes; those of `schemas.targets.Unrepresentable` come on top."""

    UNSPECIFIED = "unspecified_address"
    IPV6_HOST = "ipv6_not_supported"
    OTHER_VENDOR = "other_vendor"
    NETWORK = "reads_as_network"
    HOST_NAME = "host_name_not_supported"


def as_read_by(tenant: NetskopeTenant, target: Target) -> Target:
    """The target, as this tenant reads its entries."""
    if tenant.wildcard_covers_apex and isinstance(target, UrlList):
        return WildcardUrlList.model_construct(**dict(target))
    return target


def form_of(entry: Entry, target: Target) -> str | Reason:
    """The text of the entries that an indicator becomes in a list (`list_entries`), or why it cannot be there."""
    if not isinstance(target, UrlList | FileHashList | DestinationProfile):
        detail = "no target of Netskope; use url-list, file-hash-list or destination-profile"
        return Reason(code=Skip.OTHER_VENDOR, detail=detail)
    refused = target.refuses(entry.type)
    if refused is not None:
        return Reason(code=refused, detail=f"a {target.kind} takes no {entry.type}")
    if isinstance(target, FileHashList):
        return entry.value
    list_entry = _entry(entry.value) if entry.type is IndicatorType.URL else entry.value
    host = re.split(r"[:/?]", list_entry, maxsplit=1)[0]
    if host.startswith("["):
        return Reason(code=Skip.IPV6_HOST, detail="the URL's host is an IPv6 address, which Netskope does not take")
    if host == _NEVER:
        return Reason(code=Skip.UNSPECIFIED, detail=f"Netskope does not take {_NEVER}")
    if target.match != "regex" and _NETWORK.fullmatch(list_entry):
        return Reason(code=Skip.NETWORK, detail=f"as an entry {list_entry} would be the network, not the URL")
    if target.match != "regex" and not _HOST_NAME.fullmatch(host):
        detail = f"Netskope takes letters, digits and dashes in a host, and no dash at an end of a label: {host}"
        return Reason(code=Skip.HOST_NAME, detail=detail[:300])
    covers_below = entry.type is IndicatorType.DOMAIN and target.subdomains == "below"
    if target.match == "regex":
        return _pattern(list_entry, covers_below=covers_below)
    if covers_below:
        wildcard = f"*.{list_entry}"
        return wildcard if isinstance(target, WildcardUrlList) else f"{list_entry} {wildcard}"
    return list_entry.lower() if target.match == "insensitive" else list_entry


def give_form(entry: Entry, target: Target) -> None:
    """Let an indicator that is wanted know its form, if it does not yet."""
    if entry.form is None and entry.wanted is not None:
        form = form_of(entry, target)
        entry.form = entry.remote_id if form == entry.remote_id else form  # one text for both: there are many


def _entry(url: str) -> str:
    """A canonical URL, which has a scheme, a path and nothing but ASCII, as an exact entry."""
    host, slash, rest = url.partition("://")[2].partition("/")
    return host + _UNSAFE.sub(_percent, f"{slash}{rest}") if rest else host


def _percent(found: re.Match[str]) -> str:
    return f"%{ord(found[0]):02X}"


def _pattern(list_entry: str, *, covers_below: bool) -> str:
    """A regular expression that means the same: begins with the entry, and a bare host ends there."""
    escaped = _SPECIAL.sub(lambda found: f"\\{found[0]}", list_entry)
    if covers_below:
        return rf"^([^/?#:]+\.)?{escaped}([:/?#]|$)"
    return f"^{escaped}" if "/" in list_entry else f"^{escaped}([:/?#]|$)"
