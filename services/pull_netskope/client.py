"""Netskope's data-export iterators, as far as a puller needs them. Nothing is decided here.

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
"""The end of the year 9999, epoch seconds: a later high-water mark tells nothing."""


class Kind(StrEnum):
    """The kinds of alerts that tell of indicators, as they stand in paths."""

    MALWARE = "malware"
    MALSITE = "malsite"


@dataclass(frozen=True, slots=True)
class Page:
    """One page. `wait_s`: seconds to wait before the next call; `high_water`: epoch seconds; None where not said."""

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
        """One operation: `next`, `resend`, or epoch seconds as text.

        Raises:
            VendorError: no page. The cursor may have moved unless the call was throttled or refused.

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
        said = high_water is not None and high_water <= _LAST_SECOND
        return Page(records, wait, int(high_water) if high_water is not None and said else None)


def _number(value: object) -> float | None:
    """A count of seconds, however it is written."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and number >= 0 else None
