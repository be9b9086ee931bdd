"""Renders indicators for Netskope's lists and profiles, and finds those that cannot be there.

An exact URL list has `host`, `host:port` or `host/path?query`. Netskope ignores the scheme, so it is left out, and URLs
that differ only in scheme are one entry. A domain covers everything below it, as at Defender: it is the pair `host` and
`*.host`, or only `*.host` in a URL list if the tenant's wildcard covers the host itself; with `subdomains: exact` only
`host`. A destination profile has the same form, in lower case if Netskope ignores case; there a domain is always the
pair, since Netskope documents the wide wildcard for URL lists only. A pattern covers a domain in one entry.
Sources: Netskope, "URL List Best Practices", "Update a File Hash List". Other entries are sent, and rejected if the
vendor refuses them.
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
    """A URL list in a tenant where `*.host` also covers `host`."""


class Skip(StrEnum):
    """Why an indicator cannot be in a list. Stable codes, in addition to `schemas.targets.Unrepresentable`."""

    UNSPECIFIED = "unspecified_address"
    IPV6_HOST = "ipv6_not_supported"
    OTHER_VENDOR = "other_vendor"
    NETWORK = "reads_as_network"
    HOST_NAME = "host_name_not_supported"


def as_read_by(tenant: NetskopeTenant, target: Target) -> Target:
    """The target, by how this tenant reads list entries."""
    if tenant.wildcard_covers_apex and isinstance(target, UrlList):
        return WildcardUrlList.model_construct(**dict(target))
    return target


def form_of(entry: Entry, target: Target) -> str | Reason:
    """The text of an indicator's list entries (see `list_entries`), or why it cannot be there."""
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
    """Set the form of a desired entry, unless it is set."""
    if entry.form is None and entry.wanted is not None:
        form = form_of(entry, target)
        entry.form = entry.remote_id if form == entry.remote_id else form  # share one string, to save memory


def _entry(url: str) -> str:
    """The exact list entry of a canonical URL, which is ASCII and has a scheme and a path."""
    host, slash, rest = url.partition("://")[2].partition("/")
    return host + _UNSAFE.sub(_percent, f"{slash}{rest}") if rest else host


def _percent(found: re.Match[str]) -> str:
    return f"%{ord(found[0]):02X}"


def _pattern(list_entry: str, *, covers_below: bool) -> str:
    """A regular expression with the same meaning: matches what begins with the entry; a bare host must end there."""
    escaped = _SPECIAL.sub(lambda found: f"\\{found[0]}", list_entry)
    if covers_below:
        return rf"^([^/?#:]+\.)?{escaped}([:/?#]|$)"
    return f"^{escaped}" if "/" in list_entry else f"^{escaped}([:/?#]|$)"
