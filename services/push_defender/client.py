"""Defender's indicators API, as far as a pusher needs it. Nothing is decided here.

Invariant: right before every call it is made sure that the call may still be made (`check`), and it is noted what it
spends (`note`). No call leaves before its quota has room; the wait for that is the caller's to see, so that ownership
is checked after it and not before.
Sources: Microsoft, "List Indicators", "Import Indicators", "Delete Indicator", "Batch Delete Indicators" API pages.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, TypeAdapter
from pydantic.alias_generators import to_camel

from services.runtime.observability.metrics import BUDGET_WAIT_SECONDS
from services.runtime.vendors.answers import as_documented
from services.runtime.vendors.defender import BATCH_DELETE, DELETE, IMPORT, LIST, DefenderSession
from services.runtime.vendors.errors import NotFoundError, StoppedError
from services.runtime.vendors.paging import whole_listing

PAGE = 10_000
BATCH = 500
FIND_MOST = 20
"""Values in one filter that connectors are seen to send without trouble."""
FIND_CHARACTERS = 1_500
"""Length of a value that still is looked up by a filter: percent-encoded, twenty of them may not fit one request."""
_FILTER_CHARACTERS = 4_000
_SLICE_S = 5.0

Body = Mapping[str, object]


class _Answer(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="ignore", frozen=True)


class Row(_Answer):
    """An indicator as the API lists it; types and actions we do not know are as good as any."""

    id: str
    indicator_value: str
    indicator_type: str
    action: str
    external_id: str | None = None
    creation_time_date_time_utc: str | None = None
    rbac_group_names: tuple[str, ...] | None = None
    rbac_group_ids: tuple[str | int, ...] | None = None

    @property
    def groups(self) -> tuple[str, ...]:
        """The device groups it is for, by name, in order; by number where no names are told. Empty: all devices."""
        return tuple(sorted(self.rbac_group_names or (f"#{number}" for number in self.rbac_group_ids or ())))


class ImportResult(_Answer):
    """What became of one row of an import."""

    id: str | None = None
    indicator: str | None = None
    is_failed: bool = False
    failure_reason: str | None = None


class _Rows(BaseModel):
    value: list[Row]


class _Results(BaseModel):
    value: list[ImportResult]


_T = TypeVar("_T")
_ROWS, _RESULTS = TypeAdapter(_Rows), TypeAdapter(_Results)


class DefenderClient:
    """Calls for one connection."""

    def __init__(
        self,
        session: DefenderSession,
        check: Callable[[], None],
        stop: threading.Event,
        note: Callable[[str], None],
    ) -> None:
        self._session = session
        self._note = note
        self._check = check
        self._stop = stop

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def seconds_until_free(self, bucket: str) -> float:
        """Seconds until a call of this bucket may leave."""
        return self._session.budget.seconds_until_free(bucket)

    def listing(self) -> list[Row]:
        """Every active indicator of the tenant, whoever made it."""

        def page(skip: int) -> list[Row]:
            return self._list({"$top": PAGE, "$skip": skip})

        rows = whole_listing(page, lambda row: row.id, connection=self._session.name, route="list")
        self._session.listed(len(rows))
        return rows

    def find(self, values: Iterable[str]) -> list[Row]:
        """The indicators with one of these values, letter by letter."""
        found: list[Row] = []
        for part in _filters(values):
            found += self._list({"$filter": part})
        return found

    def import_many(self, bodies: Sequence[Body]) -> list[ImportResult]:
        """Submit up to 500 indicators. Doing it again is safe: it updates in place."""
        answer = self._call("POST", "/api/indicators/import", "import", IMPORT, {"Indicators": list(bodies)})
        return self._read(_RESULTS, answer, "import").value

    def delete(self, row_id: str) -> None:
        """Delete one indicator; one that is not there is as good as deleted."""
        try:
            self._call("DELETE", f"/api/indicators/{quote(row_id, safe='')}", "delete", DELETE, None)
        except NotFoundError:
            return

    def delete_many(self, row_ids: Sequence[str]) -> None:
        """Delete up to 500 indicators.

        Raises:
            NotFoundError: at least one is not there; whether the others were deleted is unconfirmed.

        """
        self._call("POST", "/api/indicators/BatchDelete", "batch_delete", BATCH_DELETE, {"IndicatorIds": list(row_ids)})

    def _list(self, params: Mapping[str, str | int]) -> list[Row]:
        self._ready(LIST)
        answer = self._session.call("GET", "/api/indicators", route="list", bucket=LIST, params=params)
        return self._read(_ROWS, answer, "list").value

    def _call(self, method: str, path: str, route: str, bucket: str, json: object) -> object:
        self._ready(bucket)
        return self._session.call(method, path, route=route, bucket=bucket, json=json)

    def _ready(self, bucket: str) -> None:
        while (wait := self.seconds_until_free(bucket)) > 0:
            wait = min(wait, _SLICE_S)
            if self._stop.wait(wait):
                raise StoppedError(f"asked to leave while waiting for quota {bucket}")
            BUDGET_WAIT_SECONDS.labels(self._session.name, bucket).inc(wait)
            self._check()
        self._check()
        self._note(bucket)

    def _read(self, kind: TypeAdapter[_T], answer: object, route: str) -> _T:
        return as_documented(kind, answer, self._session.name, route)


def _filters(values: Iterable[str]) -> Iterator[str]:
    """Filters for these values, each short enough for one request. Quotes are doubled (seen in connectors)."""
    terms: list[str] = []
    size = 0
    for value in values:
        term = f"indicatorValue eq '{value.replace(chr(39), chr(39) * 2)}'"
        length = len(quote(term, safe=""))
        if terms and (len(terms) == FIND_MOST or size + length > _FILTER_CHARACTERS):
            yield " or ".join(terms)
            terms, size = [], 0
        terms.append(term)
        size += length
    if terms:
        yield " or ".join(terms)
