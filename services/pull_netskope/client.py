"""Calls of Netskope's data-export iterators.

Invariant: a call is sent once: only the caller knows whether the tenant's cursor may have moved. Source: Netskope,
"Using the REST API v2 dataexport Iterator Endpoints".
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from services.runtime.vendors.errors import BrokenAnswerError
from services.runtime.vendors.netskope import ITERATOR, NetskopeSession

NEXT, RESEND = "next", "resend"
_LAST_SECOND: Final = 253_402_300_799
"""The end of the year 9999, epoch seconds. A later high-water mark is ignored."""


class Kind(StrEnum):
    """Kinds of alerts with indicators, as in the API's paths."""

    MALWARE = "malware"
    MALSITE = "malsite"


@dataclass(frozen=True, slots=True)
class Page:
    """One page. `wait_s`: seconds to wait before the next call; `high_water`: epoch seconds; None if not stated."""

    records: Sequence[object]
    wait_s: float | None
    high_water: int | None


class NetskopeClient:
    """Calls for one connection under one index."""

    def __init__(self, session: NetskopeSession, index: str) -> None:
        self._session = session
        self._index = index

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def page(self, kind: Kind, operation: str) -> Page:
        """Return the page of an operation: `next`, `resend`, or epoch seconds as text.

        Raises:
            VendorError: no page; the cursor may have moved unless the call was throttled or refused.

        """
        bucket = f"{ITERATOR}:{kind}"
        answer, content = self._session.read_v2(
            f"/api/v2/events/dataexport/alerts/{kind}",
            route=f"alerts_{kind}",
            bucket=bucket,
            params={"index": self._index, "operation": operation},
        )
        records = answer.get("result") if isinstance(answer, Mapping) else None
        if not isinstance(answer, Mapping) or not isinstance(records, list):
            text = "answer is not as documented: it has no list `result`"
            raise BrokenAnswerError(self._session.name, f"alerts_{kind}", text, kind="unexpected", content=content)
        wait, high_water = _number(answer.get("wait_time")), _number(answer.get("timestamp_hwm"))
        is_usable = high_water is not None and high_water <= _LAST_SECOND
        return Page(records, wait, int(high_water) if high_water is not None and is_usable else None)


def _number(value: object) -> float | None:
    """Return a number of seconds that may be written as text, or None if it is unusable."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and number >= 0 else None
