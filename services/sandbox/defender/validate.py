"""From bound properties to a draft the tenant can store: the rules about values, actions, alerts and expiry.

Sources: Microsoft, "Submit or Update Indicator API", "Import Indicators API", "Overview of indicators".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import ada_url

from services.sandbox.defender.errors import ApiError, Code, missing
from services.sandbox.defender.switches import DefenderSwitches
from services.sandbox.defender.times import format_ticks, parse_ticks
from services.sandbox.defender.values import check_value
from services.sandbox.defender.vocabulary import LEGACY_ACTIONS, Action, IndicatorType, allowed_actions


@dataclass(frozen=True)
class Draft:
    """An accepted submission: the writable properties that were given, in the vendor's terms."""

    properties: Mapping[str, Any]


def validate(bound: Mapping[str, Any], switches: DefenderSwitches, now_ticks: int) -> Draft:
    """Check what `bind` read. Raises ApiError with the documented code."""
    kind = IndicatorType(bound["indicatorType"])
    if kind is IndicatorType.WEB_CATEGORY:
        raise ApiError(Code.INVALID_INPUT, f"Invalid input {kind}: indicators of this type cannot be submitted.")
    check_value(kind, bound["indicatorValue"], switches)
    _check_texts(bound, switches)
    properties = dict(bound)
    properties["action"] = _action(kind, properties, switches).value
    if "expirationTime" in properties:
        properties["expirationTime"] = _expiration(properties["expirationTime"], switches, now_ticks)
    return Draft(properties)


def _check_texts(bound: Mapping[str, Any], switches: DefenderSwitches) -> None:
    for name, longest in (("title", switches.max_title), ("description", switches.max_description)):
        if not bound[name].strip():
            raise missing(name)
        if longest is not None and len(bound[name]) > longest:
            raise ApiError(Code.INVALID_INPUT, f"Invalid input: {name} exceeds {longest} characters.")
    educate = bound.get("educateUrl")
    if educate and not ada_url.check_url(educate):
        raise ApiError(Code.INVALID_URL, f"URL {educate} is invalid.")


def _action(kind: IndicatorType, properties: dict[str, Any], switches: DefenderSwitches) -> Action:
    action = Action(properties["action"])
    if action in LEGACY_ACTIONS:
        if switches.legacy_actions == "reject":
            raise ApiError(Code.INVALID_INPUT, f"Invalid input {action}: this action is no longer supported.")
        action = LEGACY_ACTIONS[action]
        properties["generateAlert"] = True
    if action not in allowed_actions(kind) or (action is Action.WARN and not switches.warn_accepted):
        raise ApiError(Code.INVALID_INPUT, f"Invalid input {action}: not supported for indicators of type {kind}.")
    if action is Action.AUDIT and properties.get("generateAlert") is not True:
        raise ApiError(Code.INVALID_INPUT, "Invalid input: generateAlert must be true when the action is Audit.")
    return action


def _expiration(text: str, switches: DefenderSwitches, now_ticks: int) -> str:
    ticks = parse_ticks(text)
    if ticks <= now_ticks and switches.past_expiration == "reject":
        raise ApiError(Code.INVALID_INPUT, f"Invalid input {text}: expirationTime is in the past.")
    return format_ticks(ticks)
