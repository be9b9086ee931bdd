"""Parses the body of a URL list request and checks all of it before anything is stored.

Invariant: what `parse_config` returns may be stored as it is. The three texts for missing fields follow vendor-written
clients; the answer to bad entries names each entry first in its pair, in `errors` as documented or in `message` as seen
in connectors.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from services.sandbox.netskope import urlsyntax
from services.sandbox.netskope.errors import RefusedError, bad_request
from services.sandbox.netskope.switches import NetskopeSwitches

NAME_REQUIRED: Final = "name required"
URLS_REQUIRED: Final = "urls must be an array of URLs"
TYPE_REQUIRED: Final = "data.type must be one of exact, regex"

ListType = Literal["exact", "regex"]
_TYPES: Final[Mapping[str, ListType]] = {"exact": "exact", "regex": "regex"}


@dataclass(frozen=True, slots=True)
class ListConfig:
    """A list as a request describes it; `name` is empty where the route does not need one."""

    name: str
    urls: tuple[str, ...]
    type: ListType


def parse_config(body: object, switches: NetskopeSwitches, limit_bytes: int, *, named: bool) -> ListConfig:
    """The configuration in a body. Raises RefusedError 400 for missing fields, entries it refuses, or size."""
    config = body if isinstance(body, Mapping) else {}
    data = config.get("data")
    data = data if isinstance(data, Mapping) else {}
    name = config.get("name")
    urls = _strings(data.get("urls"))
    list_type = _TYPES.get(str(data.get("type")))
    wrong = []
    if named and not (isinstance(name, str) and name.strip()):
        wrong.append(NAME_REQUIRED)
    if urls is None:
        wrong.append(URLS_REQUIRED)
    if list_type is None:
        wrong.append(TYPE_REQUIRED)
    if wrong or urls is None or list_type is None:
        raise bad_request(wrong)
    kept = tuple(dict.fromkeys(url for url in urls if not urlsyntax.ignored(url)))
    if not kept and not switches.empty_lists:
        raise bad_request(["urls should not be empty"])
    _check_entries(kept, list_type, switches)
    check_size(kept, limit_bytes, switches)
    return ListConfig(name if isinstance(name, str) else "", kept, list_type)


def check_size(urls: Iterable[str], limit_bytes: int, switches: NetskopeSwitches) -> None:
    """Raises RefusedError when the list as a JSON payload is above the limit."""
    # Three bytes an entry are its quotes and comma.
    if sum(len(url) + 3 for url in urls) > limit_bytes:
        raise bad_request(f"list exceeds {limit_bytes} bytes", switches.oversize_status)


def _strings(value: object) -> list[str] | None:
    if not isinstance(value, list):
        return None
    strings = [item for item in value if isinstance(item, str)]
    return strings if len(strings) == len(value) else None


def _check_entries(urls: Iterable[str], list_type: ListType, switches: NetskopeSwitches) -> None:
    wrong: list[list[str]] = []
    for url in urls:
        regex = list_type == "regex"
        reason = urlsyntax.regex_reason(url) if regex else urlsyntax.exact_reason(url, addresses=switches.addresses)
        if reason:
            wrong.append([url, reason])
    if wrong and switches.invalid_entries == "errors":
        raise RefusedError(400, {"statusCode": 400, "errors": wrong, "error": "Bad Request"})
    if wrong:
        raise bad_request(wrong)
