"""Canonical form of hosts and URLs: parsed like browsers (WHATWG URL standard, `ada-url`), then checked more strictly.

One parser reads a name alone and a name inside a URL, so both get the same canonical form.
"""

import re
from ipaddress import IPv6Address
from unicodedata import category

import idna
from ada_url import HostType, parse_url

from schemas._canonical_address import unmapped
from schemas._canonical_refusal import RefusalReason, Refused
from schemas.types import IndicatorType

SCHEMES = ("http", "https", "ftp", "ws", "wss")

_ABSOLUTE = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):/+")
_AUTHORITY = re.compile(r"[^/?#]*")
_PORT = re.compile(r":([^:\]]*)\Z")
_NAME = re.compile(r"(?:[a-z0-9_-]{1,63}\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])")
_NUMERIC_END = re.compile(r"(?:\A|\.)(?:[0-9]+|0[xX][0-9A-Fa-f]*)\.?\Z")
_SECOND_URL = re.compile(r"\s\S*?://")
_MAX_NAME = 253
_PARTS = ("protocol", "hostname", "host_type", "port", "pathname", "search")


def is_absolute(text: str) -> bool:
    """Whether `text` starts with a scheme and a slash."""
    return _ABSOLUTE.match(text) is not None


def authority_of(text: str) -> str:
    """Return the part before path, query and fragment of a text without a scheme."""
    found = _AUTHORITY.match(text)
    return "" if found is None else found[0]


def domain(text: str) -> str:
    """Return the canonical DNS name: lower-case A-labels without a trailing dot. Raises `Refused`."""
    _host_in(text, text, user_info=False)
    try:
        parts = parse_url(f"http://{text}/", ("hostname", "host_type"))
    except ValueError:
        raise _unreadable(text, text) from None
    return _checked_host(parts["hostname"], parts["host_type"], text, text)


def url(text: str) -> str:
    """Return the canonical URL: with a scheme and a path, without user info or a fragment. Raises `Refused`."""
    absolute = _ABSOLUTE.match(text)
    if absolute is None:
        authority, rest = authority_of(text), text
        scheme = "https" if authority.endswith(":443") else "http"
    else:
        scheme, rest = absolute[1].lower(), text[absolute.end() :]
        authority = authority_of(rest)
    if scheme not in SCHEMES:
        known = ", ".join(SCHEMES)
        raise Refused.because(
            RefusalReason.BAD_SCHEME, text, f"has the scheme {scheme}; give the host alone, or one of {known}"
        )
    authority = _host_in(authority, text, user_info=absolute is not None)
    if _SECOND_URL.search(rest):
        raise Refused.because(RefusalReason.SEVERAL_VALUES, text, "holds more than one URL; give them one by one")
    try:
        parts = parse_url(f"{scheme}://{rest}", _PARTS)
    except ValueError:
        raise _unreadable(authority, text) from None
    if (port := parts["port"]) == "0":
        raise Refused.because(RefusalReason.BAD_URL, text, "has port 0; ports go from 1 to 65535")
    host = _checked_host(parts["hostname"], parts["host_type"], _PORT.sub("", authority), text)
    return f"{parts['protocol']}//{host}{port and ':' + port}{parts['pathname']}{parts['search']}"


def _host_in(authority: str, text: str, *, user_info: bool) -> str:
    """Host and port. Refuses what the standard would silently repair, and what deserves a more precise reason."""
    if "\\" in authority:
        raise Refused.because(RefusalReason.BAD_URL, text, "has a backslash before its path; write / instead")
    if user_info:
        authority = authority.rpartition("@")[2]
    if not authority:
        raise Refused.because(RefusalReason.NOT_RECOGNISED, text, "has no host; give the host and the path together")
    if "*" in authority:
        raise Refused.because(
            RefusalReason.WILDCARD, text, "has a wildcard; give the domain itself, which covers what is below it"
        )
    if "@" in authority:
        raise Refused.because(
            RefusalReason.NOT_RECOGNISED, text, "reads as an e-mail address; give the domain, or a URL with its scheme"
        )
    if any(character.isspace() for character in authority):
        raise Refused.because(RefusalReason.NOT_RECOGNISED, text, "has blanks in it; give one indicator, nothing else")
    return authority


def _checked_host(host: str, kind: HostType, given: str, text: str) -> str:
    """`host`, as the standard reads `given`, if other parsers read it the same way."""
    if kind == HostType.IPV6:
        found, plain = unmapped(IPv6Address(host[1:-1]))
        return plain if found is IndicatorType.IPV4 else host
    if kind == HostType.IPV4:
        if given.removesuffix(".") != host:
            raise Refused.because(
                RefusalReason.BAD_ADDRESS,
                text,
                f"is read as {host} by some, not by all; write the address that is meant",
            )
        return host
    host = host.removesuffix(".")
    if len(host) <= _MAX_NAME and _NAME.fullmatch(host):
        if "xn--" in host:
            _check_letters(host, text)
        return host
    raise Refused.because(RefusalReason.BAD_HOST, text, _flaw(host))


def _check_letters(host: str, text: str) -> None:
    """Refuse punctuation of other scripts, as quotes around a name: the standard takes it, no registry does."""
    for label in host.split("."):
        if not label.startswith("xn--"):
            continue
        try:
            name = label[4:].encode("ascii").decode("punycode")
        except ValueError:
            continue  # an A-label that cannot be decoded stands for itself
        odd = next((one for one in name if not one.isascii() and category(one)[0] in "PZC"), None)
        if odd is not None and not _is_registrable(name):
            raise Refused.because(
                RefusalReason.BAD_HOST, text, f"has {odd!a} in its host, which no name has; remove it"
            )


def _is_registrable(label: str) -> bool:
    """Whether IDNA 2008 allows the label: some scripts have marks in words, as the middle dot in Catalan."""
    try:
        idna.check_label(label)
    except (idna.IDNAError, ValueError):
        return False
    return True


def _flaw(host: str) -> str:
    labels = host.split(".")
    if len(host) > _MAX_NAME or max(map(len, labels)) > 63:
        return "has a host that is too long for DNS (63 characters a label, 253 in all); correct it"
    if "" in labels:
        return "has an empty label in its host; correct the dots"
    if len(labels) == 1:
        return "has a host of one label, which means nothing outside one network; give the full name"
    return f"has no DNS name as its host: {host!r}; use letters, digits, - and _, and a top-level domain of letters"


def _unreadable(authority: str, text: str) -> Refused:
    """Why the parser refused the text. The parser gives no reason, so check the most frequent ones."""
    port = _PORT.search(authority)
    host = authority if port is None else authority[: port.start()]
    if port is not None and not _valid_port(port[1]) and (host.endswith("]") or ":" not in host):
        return Refused.because(RefusalReason.BAD_URL, text, "has no valid port after the colon; use 1 to 65535")
    if host.startswith("[") or ":" in host or _NUMERIC_END.search(host):
        return Refused.because(
            RefusalReason.BAD_ADDRESS, text, "has no valid IP address as its host; write 192.0.2.1 or [2001:db8::1]"
        )
    return Refused.because(RefusalReason.BAD_HOST, text, "has a host that is no DNS name; correct it")


def _valid_port(port: str) -> bool:
    return port == "" or (port.isascii() and port.isdecimal() and len(port) <= 5 and 1 <= int(port) <= 65535)
