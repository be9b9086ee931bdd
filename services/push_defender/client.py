"""Defender's indicators API, as far as a pusher needs it. Nothing is decided here.

Invariant: right before every call it is made sure that the call may still be made (`check`), and it is noted what it
spends (`note`). No call leaves before its quota has room; the wait for that is the caller's to see, so that ownership
is checked after it and not before.
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
"""Values in one filter that connectors are seen to send without trouble."""
FIND_CHARACTERS = 1_500
"""Length of a value that still is looked up by a filter: percent-encoded, twenty of them may not fit one request."""
_FILTER_CHARACTERS = 4_000

Body = Mapping[str, object]


class _Answer(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="ignore", frozen=True)


class Row(_Answer):
    """An indicator as the API lists it; types and actions we do not know are as good as any.

    A field of another type than documented is read as far as it goes, else as empty.
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
        """The device groups it is for, by name, in order; by number where no names are told. Empty: all devices."""
        return tuple(sorted(self.rbac_group_names or (f"#{number}" for number in self.rbac_group_ids)))


def _flag(value: object) -> bool | None:
    said = {"true": True, "false": False}.get(value.strip().lower()) if isinstance(value, str) else value
    return said if isinstance(said, bool) else None


class ImportResult(_Answer):
    """What became of one row of an import. `is_failed`: None where the answer does not say."""

    id: OptionalText = None
    indicator: OptionalText = None
    is_failed: Annotated[bool | None, BeforeValidator(_flag)] = None
    failure_reason: OptionalText = None


_ROW, _RESULT = TypeAdapter(Row), TypeAdapter(ImportResult)


class DefenderClient:
    """Calls for one connection."""

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
        """Every active indicator of the tenant, whoever made it. A row without an id is passed over, and counted."""
        return self._rows(read_listing(self._session))

    def find(self, values: Iterable[str]) -> list[Row]:
        """The indicators with one of these values, letter by letter."""
        found: list[Row] = []
        for part in _filters(values):
            found += self._rows(read_page(self._session, {"$filter": part}).rows)
        return found

    def import_many(self, bodies: Sequence[Body]) -> list[ImportResult]:
        """Submit up to 500 indicators. Doing it again is safe: it updates in place.

        Raises:
            BrokenAnswerError: the answer has no results at all. One that cannot be read says nothing of its row.

        """
        answer = self._call("POST", "/api/indicators/import", "import", IMPORT, {"Indicators": list(bodies)})
        found = answer.get("value") if isinstance(answer, Mapping) else None
        if not isinstance(found, list):
            text = "the answer does not say what became of the rows"
            raise BrokenAnswerError(self._session.name, "import", text, kind="unexpected")
        return [result or ImportResult() for result in read_rows(_RESULT, found, self._session.name, "import")]

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
