"""Faults only this vendor can have, armed by name like the generic ones.

`expire_tokens`  all tokens issued so far are invalid from the matching call on, which itself gets 401
`partial_batch`  an import fails some rows: every nth (`every`) and those with given `values`, with a `reason`
`unknown_enum`   a list shows every nth row (`every`, default 1) with `field` (default action) set to `value`
`duplicate_ids`  rows created by the matching call are stored twice, so one value has two ids
`capacity`       the matching call finds the tenant full (at `limit` rows; default: at as many as it holds)
"""

from enum import StrEnum

import orjson

from services.sandbox.defender.rows import Row
from services.sandbox.tenant.faults import Fault


class DefenderFault(StrEnum):
    """Names of the vendor's own kinds."""

    EXPIRE_TOKENS = "expire_tokens"
    PARTIAL_BATCH = "partial_batch"
    UNKNOWN_ENUM = "unknown_enum"
    DUPLICATE_IDS = "duplicate_ids"
    CAPACITY = "capacity"


def failing_reason(fault: Fault | None, position: int, value: object) -> str | None:
    """Why `partial_batch` fails this row (counted from 0) of an import, or None when it does not."""
    if fault is None:
        return None
    every, values = fault.params.get("every"), fault.params.get("values")
    hit = isinstance(every, int) and every > 0 and (position + 1) % every == 0
    if hit or (isinstance(values, list) and value in values):
        return str(fault.params.get("reason", "The indicator could not be saved."))
    return None


def shown(fault: Fault | None, position: int, row: Row) -> bytes:
    """A row's JSON in a list, as `unknown_enum` shows it."""
    every = fault.params.get("every", 1) if fault else 0
    if fault is None or not isinstance(every, int) or (position + 1) % max(every, 1):
        return row.json
    field = str(fault.params.get("field", "action"))
    return orjson.dumps({**row.entity, field: fault.params.get("value", "Quarantine")})
