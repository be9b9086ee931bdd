"""A batch of submissions: results in the order sent, and 200 even when rows failed.

Sources: Microsoft, "Import Indicators API" (answer's shape); the shape of a failed row is inferred from connectors.
"""

from typing import Any

from services.sandbox.defender.auth import Caller
from services.sandbox.defender.binding import bind, required_list
from services.sandbox.defender.errors import ApiError, Code, invalid_body
from services.sandbox.defender.faults import failing_reason
from services.sandbox.defender.state import CAPACITY_MESSAGE
from services.sandbox.defender.tenant import Defender
from services.sandbox.defender.validate import Draft, validate
from services.sandbox.tenant.faults import Fault

Outcome = Draft | ApiError


def run_import(
    tenant: Defender,
    body: object,
    caller: Caller,
    capacity: int,
    *,
    partial: Fault | None,
    twin: bool,
) -> list[dict[str, Any]]:
    """Validate, then submit row by row. Raises ApiError when the request as a whole is refused: nothing is stored."""
    switches = tenant.switches
    rows = required_list(body, "Indicators")
    if len(rows) > switches.max_import:
        message = f"Maximum batch size exceeded. Received: {len(rows)}, allowed: {switches.max_import}."
        raise ApiError(Code.MAXIMUM_BATCH_SIZE_EXCEEDED, message)
    if not rows and switches.empty_import == "reject":
        raise invalid_body("Indicators is empty")
    outcomes = [_outcome(tenant, row, position, partial) for position, row in enumerate(rows)]
    drafts = [outcome for outcome in outcomes if isinstance(outcome, Draft)]
    if switches.capacity_error == "whole" and not tenant.indicators.room_for(drafts, capacity):
        raise ApiError(Code.BAD_REQUEST, f"{CAPACITY_MESSAGE}: {capacity} indicators are allowed.")
    return [
        _stored(tenant, row, outcome, caller, capacity, twin=twin) for row, outcome in zip(rows, outcomes, strict=True)
    ]


def _outcome(tenant: Defender, row: object, position: int, partial: Fault | None) -> Outcome:
    switches = tenant.switches
    try:
        bound = bind(row, switches)
    except ApiError as error:
        if switches.unbindable_row == "whole":
            raise
        return error
    reason = failing_reason(partial, position, bound["indicatorValue"])
    if reason is not None:
        return ApiError(Code.BAD_REQUEST, reason)
    try:
        return validate(bound, switches, tenant.indicators.now())
    except ApiError as error:
        return error


def _stored(
    tenant: Defender,
    row: object,
    outcome: Outcome,
    caller: Caller,
    capacity: int,
    *,
    twin: bool,
) -> dict[str, Any]:
    value = row.get("indicatorValue") if isinstance(row, dict) else None
    try:
        if isinstance(outcome, ApiError):
            raise outcome
        stored = tenant.indicators.upsert(outcome, caller, capacity, twin=twin)
    except ApiError as error:
        return {"id": None, "indicator": value, "isFailed": True, "failureReason": error.message}
    return {"id": stored.id, "indicator": value, "isFailed": False, "failureReason": None}
