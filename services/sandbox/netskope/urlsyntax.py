"""Which entries a URL list takes, and why it refuses the others.

Invariant: a reason is a sentence for people; only its presence is the verdict. Sources: Netskope "URL List Best
Practices" for exact entries, "Network Location Profile" for addresses, ranges and CIDR. The vendor's own texts are
unconfirmed. So is whether a bare top-level domain without `*.` is taken: here it is not.
"""

import re
import warnings
from ipaddress import AddressValueError, IPv4Address, IPv4Network, NetmaskValueError
from typing import Final

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOSTNAME: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_TAIL: Final = re.compile(r"(?:[A-Za-z0-9._~!$&'()+,;=:@/?#-]|%[0-9A-Fa-f]{2})*")
_RANGE: Final = re.compile(r"([0-9.]+)-([0-9.]+)")
_NUMERIC: Final = re.compile(r"[0-9.]+")
_PREFIX_LENGTH: Final = re.compile(r"/([0-9]+)")
_PORT: Final = re.compile(r"[0-9]{1,5}")
# By far the most entries of a real list are plain host names: settle them with one match.
_PLAIN: Final = re.compile(rf"(?:\*\.)?(?:{_LABEL}\.)+[A-Za-z](?:[A-Za-z0-9-]{{0,61}}[A-Za-z0-9])?")
_PREFIXED: Final = {"CIDR": re.compile(r"[0-9.]+/[0-9]+"), "RANGE": _RANGE}
_NEVER: Final = "0.0.0.0"  # noqa: S104 - an entry that is refused, not an address to listen on


def ignored(entry: str) -> bool:
    """Whether the tenant drops the line silently: blank, or a comment (`#`, `;`)."""
    stripped = entry.strip()
    return not stripped or stripped[0] in "#;"


def exact_reason(entry: str, *, addresses: bool = True) -> str | None:
    """Why an entry of an exact list is refused; None when it is taken.

    `addresses` off refuses IPv4 entries, as a tenant without that feature does ("Limited Availability").
    """
    if len(entry) <= 253 and _PLAIN.fullmatch(entry):
        return None
    if reason := _characters(entry):
        return reason
    rest = entry
    if scheme := _SCHEME.match(entry):
        if scheme[1].lower() not in {"http", "https"}:
            return "only the schemes http and https are supported"
        rest = entry[scheme.end() :]
    end = next((place for place, char in enumerate(rest) if char in "/?#"), len(rest))
    authority, tail = rest[:end], rest[end:]
    if reason := _authority(authority, tail, addresses=addresses):
        return reason
    return None if _TAIL.fullmatch(tail) else "path, query or fragment contains characters that must be percent-encoded"


def destination_reason(value: str) -> str | None:
    """Why a value of an exact destination profile is refused; None when it is taken.

    As in URL lists, but without a scheme, and networks are written `CIDR:…` and `RANGE:…` (seen in connectors).
    """
    kind, colon, network = value.partition(":")
    if colon and kind in {"CIDR", "RANGE"}:
        fits = _PREFIXED[kind].fullmatch(network)
        return exact_reason(network) if fits else f"{kind}: must be followed by an IPv4 {kind}"
    if "://" in value:
        return "scheme is not supported"
    if any(form.fullmatch(value) for form in _PREFIXED.values()):
        return "networks must be written as CIDR:<network> or RANGE:<first>-<last>"
    return exact_reason(value)


def _characters(entry: str) -> str | None:
    if not entry.isascii():
        return "non-ASCII characters are not allowed"
    if not entry.isprintable() or " " in entry:
        return "spaces and control characters are not allowed"
    stars = entry.count("*")
    if stars > 1:
        return "only one '*' is allowed"
    if stars and not entry.startswith("*."):
        return "'*' must be the first character and be followed by '.'"
    return None


def _authority(authority: str, tail: str, *, addresses: bool) -> str | None:
    if not authority:
        return "host is missing"
    if "@" in authority:
        return "user:password@host is not supported"
    if "[" in authority or authority.count(":") > 1:
        return "IPv6 addresses are not supported"
    if span := _RANGE.fullmatch(authority):
        return _range(span[1], span[2], tail) if addresses else "IP addresses are not enabled for this tenant"
    host, colon, port = authority.partition(":")
    if colon and not (_PORT.fullmatch(port) and 1 <= int(port) <= 65_535):
        return "port must be between 1 and 65535"
    if _NUMERIC.fullmatch(host):
        if not addresses:
            return "IP addresses are not enabled for this tenant"
        prefix = None if colon else _PREFIX_LENGTH.fullmatch(tail)
        return _network(host, prefix[1]) if prefix else _address(host)
    return _hostname(host)


def _hostname(host: str) -> str | None:
    name = host.removeprefix("*.")
    if len(name) > 253 or not _HOSTNAME.fullmatch(name) or _NUMERIC.fullmatch(name):
        return "hostname may contain only letters, digits and dashes and cannot start or end with a dash"
    if name == host and "." not in name:
        return "hostname must have a domain"
    return None


def _address(text: str) -> str | None:
    try:
        address = IPv4Address(text)
    except AddressValueError:
        return "invalid IP address"
    return f"IP address cannot be {_NEVER}" if str(address) == _NEVER else None


def _range(first: str, last: str, tail: str) -> str | None:
    if tail:
        return "an IP address range cannot be followed by a path or query"
    if reason := _address(first) or _address(last):
        return reason
    return None if IPv4Address(first) < IPv4Address(last) else "the start of an IP address range must be below its end"


def _network(host: str, prefix: str) -> str | None:
    if reason := _address(host):
        return reason
    try:
        IPv4Network(f"{host}/{prefix}")
    except NetmaskValueError:
        return "invalid CIDR prefix length"
    except ValueError:
        return "the host portion of a CIDR must be zero"
    return None


_LOOK_AROUND: Final = ("(?=", "(?!", "(?<=", "(?<!")
_BACK_REFERENCE: Final = re.compile(r"\\[1-9kg]")


def regex_reason(entry: str) -> str | None:
    """Why an entry of a regex list is refused; None when it is taken.

    The language is PCRE without look-around and back-references, without scheme and without `^` after the start.
    Syntax errors are found by Python's `re`, which agrees with PCRE on what people write in such lists.
    """
    if not entry.isascii():
        return "non-ASCII characters are not allowed"
    if "://" in entry.replace("\\", ""):
        return "the scheme must not be part of a regular expression"
    if reason := _unsupported(entry):
        return reason
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            re.compile(entry)
    except (re.error, OverflowError, RecursionError) as error:
        return f"invalid regular expression: {error}"
    return None


def _unsupported(entry: str) -> str | None:
    in_class = False
    place = 0
    while place < len(entry):
        char = entry[place]
        if char == "\\":
            if not in_class and _BACK_REFERENCE.match(entry, place):
                return "back-references are not supported"
            place += 2
            continue
        if in_class:
            in_class = char != "]"
        elif char == "[":
            in_class = True
            # A `]` that comes first stands for itself.
            place += entry.startswith("^", place + 1)
            place += entry.startswith("]", place + 1)
        elif entry.startswith(_LOOK_AROUND, place):
            return "look-around is not supported"
        elif entry.startswith("(?P=", place):
            return "back-references are not supported"
        elif char == "^" and place:
            return "a start anchor is only allowed at the beginning"
        place += 1
    return None
