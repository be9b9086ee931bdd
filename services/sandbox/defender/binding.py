"""From a JSON object to the properties of an indicator: names, JSON types and enumerations, nothing more.

Names are case-sensitive: one spelt in another case is missing, or makes the body incorrect. Source: Microsoft,
"Common REST API error codes" and "Submit or Update Indicator API".
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

from services.sandbox.defender.errors import invalid_body, missing
from services.sandbox.defender.switches import DefenderSwitches
from services.sandbox.defender.times import parse_ticks
from services.sandbox.defender.vocabulary import Action, IndicatorType, Severity

REQUIRED = ("indicatorValue", "indicatorType", "action", "title", "description")

Check = Callable[[object], bool]


def _text(value: object) -> bool:
    return isinstance(value, str)


def _flag(value: object) -> bool:
    return isinstance(value, bool)


def _number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _object(value: object) -> bool:
    return isinstance(value, dict)


def _undocumented(_: object) -> bool:
    return True


def _texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(entry, str) for entry in value)


def _ids(value: object) -> bool:
    return isinstance(value, list) and all(_text(entry) or _number(entry) for entry in value)


def _moment(value: object) -> bool:
    try:
        return isinstance(value, str) and parse_ticks(value) is not None
    except (ValueError, OverflowError):
        return False


def _one_of(words: type[StrEnum]) -> Check:
    known = frozenset(word.value for word in words)
    return lambda value: isinstance(value, str) and value in known


WRITABLE: dict[str, Check] = {
    "indicatorValue": _text,
    "indicatorType": _one_of(IndicatorType),
    "action": _one_of(Action),
    "title": _text,
    "description": _text,
    "application": _text,
    "expirationTime": _moment,
    "severity": _one_of(Severity),
    "recommendedActions": _text,
    "rbacGroupNames": _texts,
    "rbacGroupIds": _ids,
    "generateAlert": _flag,
    "educateUrl": _text,
    "externalId": _text,
    "category": _number,
    "mitreTechniques": _texts,
    "bypassDurationHours": _undocumented,
    "lookBackPeriod": _undocumented,
    "historicalDetection": _flag,
    "notificationId": _undocumented,
    "notificationBody": _undocumented,
    "version": _undocumented,
    "additionalInfo": _undocumented,
    "certificateInfo": _object,
}

READ_ONLY = frozenset(
    {
        *("id", "createdBy", "createdByDisplayName", "createdBySource", "lastUpdatedBy", "creationTimeDateTimeUtc"),
        *("lastUpdateTime", "source", "sourceType"),
    }
)
"""Properties a client may send back; they change nothing (seen in connectors)."""

_CANONICAL = {name.lower(): name for name in (*WRITABLE, *READ_ONLY)}


def bind(body: object, switches: DefenderSwitches) -> dict[str, Any]:
    """The writable properties that are present and not null.

    Raises ApiError InvalidRequestBody or MissingRequiredParameter.
    """
    if not isinstance(body, dict):
        raise invalid_body("an indicator must be an object")
    for name in REQUIRED:
        if body.get(name) is None:
            raise missing(name)
    bound = {}
    for name, value in body.items():
        check = WRITABLE.get(name)
        if check is None:
            _unexpected(name, switches)
        elif value is not None:
            if not check(value):
                raise invalid_body(f"the value of {name} cannot be read")
            bound[name] = value
    return bound


def _unexpected(name: str, switches: DefenderSwitches) -> None:
    if name in READ_ONLY:
        return
    canonical = _CANONICAL.get(name.lower())
    if canonical is not None:
        raise invalid_body(f"property {name} is unknown; names are case-sensitive")
    if switches.unknown_properties == "reject":
        raise invalid_body(f"property {name} is unknown")


def required_list(body: object, name: str) -> list[Any]:
    """The list under `name` in a request body. Raises ApiError as `bind` does."""
    if not isinstance(body, Mapping):
        raise invalid_body("it must be an object")
    value = body.get(name)
    if value is None:
        raise missing(name)
    if not isinstance(value, list):
        raise invalid_body(f"{name} must be a list")
    return value
