"""The calls of Defender's indicators API that the pusher needs. Takes no decisions.

Invariant: right before every call the session checks that it may still be made (`check`) and records its cost (`note`).
The caller waits for the quota, so that ownership is checked after the wait.
Sources: Microsoft, "List Indicators", "Import Indicators", "Delete Indicator", "Batch Delete Indicators" API pages.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated
from urllib.parse import quote

from pydantic import BaseModel, BeforeValidator, ConfigDict, TypeAdapter
from pydantic.alias_generators import to_camel

from services.runtime.vendors.defender import BATCH_DELETE, DELETE, IMPORT, DefenderSession
from services.runtime.vendors.defender_rows import ROUTE, read_listing, read_page
from services.runtime.vendors.errors import BrokenAnswerError, NotFoundError
from services.runtime.vendors.lenient import Id, OptionalText, Text, Texts, expect_rows, read_rows

BATCH = 500
FIND_MOST = 20
"""Values in one filter. Connectors send this many without trouble."""
FIND_CHARACTERS = 1_500
"""Longest value to look up by a filter: percent-encoded, twenty of them may exceed one request."""
_FILTER_CHARACTERS = 4_000

Body = Mapping[str, object]


class _Answer(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="ignore", frozen=True)


class Row(_Answer):
    """An indicator in the API's listing. Unknown types and actions are accepted.

    A field of another type than documented is read if possible, else as empty.
    """

    id: Id
    indicator_value: Text = ""
    indicator_type: Text = ""
    action: Text = ""
    external_id: OptionalText = None
    creation_time_date_time_utc: OptionalText = None
    rbac_group_names: Texts = ()
    rbac_group_ids: Texts = ()

    @property
    def groups(self) -> tuple[str, ...]:
        """The device groups it is for, sorted by name, or by number if the row has no names. Empty: all devices."""
        return tuple(sorted(self.rbac_group_names or (f"#{number}" for number in self.rbac_group_ids)))


def _flag(value: object) -> bool | None:
    flag = {"true": True, "false": False}.get(value.strip().lower()) if isinstance(value, str) else value
    return flag if isinstance(flag, bool) else None


class ImportResult(_Answer):
    """The result for one row of an import. `is_failed` is None if the answer does not say."""

    id: OptionalText = None
    indicator: OptionalText = None
    is_failed: Annotated[bool | None, BeforeValidator(_flag)] = None
    failure_reason: OptionalText = None


_ROW, _RESULT = TypeAdapter(Row), TypeAdapter(ImportResult)


class DefenderClient:
    """The API client of one connection."""

    def __init__(self, session: DefenderSession) -> None:
        self._session = session
        expect_rows(session.name, ROUTE)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def seconds_until_free(self, bucket: str) -> float:
        """Seconds until a call of this bucket may leave."""
        return self._session.budget.seconds_until_free(bucket)

    def listing(self) -> list[Row]:
        """Every active indicator of the tenant, of any author. Rows without an id are counted and skipped."""
        return self._rows(read_listing(self._session))

    def find(self, values: Iterable[str]) -> list[Row]:
        """The indicators whose value equals one of these exactly."""
        found: list[Row] = []
        for part in _filters(values):
            found += self._rows(read_page(self._session, {"$filter": part}).rows)
        return found

    def import_many(self, bodies: Sequence[Body]) -> list[ImportResult]:
        """Submit up to 500 indicators. Repeating the call is safe: it updates in place.

        Raises:
            BrokenAnswerError: the answer has no results. A single unreadable result is returned as empty.

        """
        answer = self._call("POST", "/api/indicators/import", "import", IMPORT, {"Indicators": list(bodies)})
        found = answer.get("value") if isinstance(answer, Mapping) else None
        if not isinstance(found, list):
            text = "the answer has no results of the rows"
            raise BrokenAnswerError(self._session.name, "import", text, kind="unexpected")
        return [result or ImportResult() for result in read_rows(_RESULT, found, self._session.name, "import")]

    def delete(self, row_id: str) -> None:
        """Delete one indicator. A missing one counts as deleted."""
        try:
            self._call("DELETE", f"/api/indicators/{quote(row_id, safe='')}", "delete", DELETE, None)
        except NotFoundError:
            return

    def delete_many(self, row_ids: Sequence[str]) -> None:
        """Delete up to 500 indicators.

        Raises:
            NotFoundError: at least one does not exist; it is unknown whether the others were deleted.

        """
        self._call("POST", "/api/indicators/BatchDelete", "batch_delete", BATCH_DELETE, {"IndicatorIds": list(row_ids)})

    def _rows(self, rows: Iterable[object]) -> list[Row]:
        return [row for row in read_rows(_ROW, rows, self._session.name, ROUTE) if row is not None]

    def _call(self, method: str, path: str, route: str, bucket: str, json: object) -> object:
        return self._session.call(method, path, route=route, bucket=bucket, json=json)


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
