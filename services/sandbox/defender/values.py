"""Whether a value is one the vendor takes for its type.

Sources: Microsoft, "Create indicators for IPs and URLs/domains", "Overview of indicators", "Create indicators for
files"; what only connectors report is a switch.
"""

import ipaddress
import re
from collections.abc import Callable

import ada_url

from services.sandbox.defender.errors import ApiError, Code
from services.sandbox.defender.switches import DefenderSwitches
from services.sandbox.defender.vocabulary import IndicatorType

_HEX_LENGTH = {
    IndicatorType.FILE_MD5: 32,
    IndicatorType.FILE_SHA1: 40,
    IndicatorType.FILE_SHA256: 64,
    IndicatorType.CERTIFICATE: 40,
}
_HEX = re.compile(r"[0-9A-Fa-f]+")
_IPV6 = re.compile(r"(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}")
_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_INTERNAL = [
    ipaddress.ip_network(network)
    for network in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.168.0.0/16", "224.0.0.0/3", "::/127", "fc00::/7", "fe80::/10", "ff00::/8"),
    )
]
"""Addresses no outside host has. The documentation ranges are not among them: synthetic data uses those."""


def check_value(kind: IndicatorType, value: str, switches: DefenderSwitches) -> None:
    """Raise ApiError when the vendor would refuse this value under this type."""
    if not value:
        raise ApiError(Code.INVALID_INPUT, "Recieved an empty indicator value.")  # spelt as the vendor spells it
    if any(character.isspace() or not character.isprintable() for character in value):
        raise ApiError(Code.INVALID_INPUT, f"Invalid input {value}: white space is not allowed.")
    if switches.max_value is not None and len(value) > switches.max_value:
        raise ApiError(Code.INVALID_INPUT, f"Invalid input: the value exceeds {switches.max_value} characters.")
    _CHECKS[kind](kind, value, switches)


def _hash(kind: IndicatorType, value: str, switches: DefenderSwitches) -> None:
    if len(value) != _HEX_LENGTH[kind] or not _HEX.fullmatch(value):
        raise ApiError(Code.INVALID_HASH_VALUE, f"Hash value {value} is invalid.")
    if kind is IndicatorType.FILE_MD5 and not switches.md5_accepted:
        raise ApiError(Code.INVALID_INPUT, f"Invalid input {value}: MD5 indicators cannot be created.")


def _ip(_: IndicatorType, value: str, switches: DefenderSwitches) -> None:
    invalid = ApiError(Code.INVALID_IP_ADDRESS, f"IP address {value} is invalid.")
    if ":" in value and not _IPV6.fullmatch(value):
        raise invalid  # "specify all 8 segments"
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        raise invalid from None
    if any(address in network for network in _INTERNAL if network.version == address.version):
        raise ApiError(switches.private_ip_error_code, f"IP address {value} is invalid: only external addresses.")


def _domain(_: IndicatorType, value: str, switches: DefenderSwitches) -> None:
    if not _is_domain(value, switches):
        raise ApiError(Code.INVALID_DOMAIN_NAME, f"Domain name {value} is invalid.")


def _is_domain(value: str, switches: DefenderSwitches) -> bool:
    labels = value.split(".")
    if len(labels) < 2 or len(value) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        return False
    if switches.underscore_labels == "reject" and "_" in value:
        return False
    if switches.underscore_labels == "reject_leading" and any(label.startswith("_") for label in labels):
        return False
    return not labels[-1].isdigit()


def _url(_: IndicatorType, value: str, switches: DefenderSwitches) -> None:
    if not _is_url(value, switches):
        raise ApiError(Code.INVALID_URL, f"URL {value} is invalid.")


def _is_url(value: str, switches: DefenderSwitches) -> bool:
    scheme = _SCHEME.match(value)
    if scheme is None:
        if switches.schemeless_url == "reject":
            return False
        if switches.bare_host_url == "reject" and not re.search(r"[/?#]", value):
            return False
    elif scheme[1].lower() not in {"http", "https", "ftp"}:
        return False
    try:
        host = ada_url.URL(value if scheme else f"http://{value}").hostname
    except ValueError:
        return False
    return "*" not in host and ("." in host or host.startswith("["))


_CHECKS: dict[IndicatorType, Callable[[IndicatorType, str, DefenderSwitches], None]] = {
    IndicatorType.FILE_MD5: _hash,
    IndicatorType.FILE_SHA1: _hash,
    IndicatorType.FILE_SHA256: _hash,
    IndicatorType.CERTIFICATE: _hash,
    IndicatorType.IP: _ip,
    IndicatorType.DOMAIN: _domain,
    IndicatorType.URL: _url,
}
