"""Routes for entries that vendors rejected: list, retry, correct."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from services.console.api.access import AtHand, Editor, Viewer
from services.console.api.errors import RESPONSES
from services.console.api.json import answer
from services.console.api.models import Millis
from services.console.audit import CORRECTED, entries
from services.console.ingest.correction import as_item, correction
from services.console.ingest.raw_items import BadBodyError
from services.console.ingest.retries import Unasked, check_name
from services.console.ingest.retries import retry as retry_
from services.console.resources.planning import NotFoundError
from services.runtime.clock import now_ms

router = APIRouter(prefix="/v1/rejected", tags=["rejected"], responses=RESPONSES)
MOST = 10_000
_NAME = Query(max_length=500)
_ID = "`<destination>/<target id>/<indicator id>`"
Entry = Annotated[str, Query(alias="id", max_length=9_000, description=_ID)]


class RejectedRow(BaseModel):
    """An entry that a vendor rejected. `code` is stable, `detail` is the vendor's own text."""

    id: str
    destination: str
    target: str
    indicator: str
    code: str | None
    detail: str | None
    at: Millis
    attempts: int
    sharings: list[str]


class RejectedRows(BaseModel):
    """Rejected entries, latest first. `more`: there are more than `limit`."""

    items: list[RejectedRow]
    more: bool


class RetriedRow(BaseModel):
    """The result for one entry: its pusher tries it again, or `why` it does not."""

    id: str
    done: bool
    why: Unasked | None
    detail: str


class RetriedRows(BaseModel):
    """The result for each entry, and how many are retried and left. `more`: there are more; repeat the request."""

    done: int
    left: int
    items: list[RetriedRow]
    more: bool


class Chosen(BaseModel):
    """Selects entries: those of `ids`, or all (of a destination, with a reason code)."""

    model_config = ConfigDict(extra="forbid")

    ids: Annotated[list[str], Field(max_length=MOST, description=_ID)] = []
    all: bool = False
    destination: str | None = None
    code: str | None = None


class Corrected(BaseModel):
    """The indicator that a correction is about. `same`: it is the rejected one, so that its sources are merged."""

    id: str
    same: bool


@router.get("", response_model=RejectedRows)
def rejected(
    context: AtHand,
    _: Viewer,
    destination: Annotated[str | None, _NAME] = None,
    code: Annotated[str | None, _NAME] = None,
    limit: Annotated[int, Query(ge=1, le=MOST)] = 100,
) -> Response:
    """Entries that vendors rejected, with their reasons."""
    return answer(_found(context, destination, code, limit))


@router.post("/retry")
def retry(
    context: AtHand,
    by: Editor,
    chosen: Chosen,
    wait: Annotated[float, Query(ge=0.1, le=120, description="seconds to wait for the router")] = 60,
) -> RetriedRows:
    """Try rejected entries again although they did not change."""
    if bool(chosen.ids) == chosen.all or ((chosen.destination or chosen.code) and not chosen.all):
        raise BadBodyError("name entries in ids, or set all: true, optionally with a destination or a code")
    names, more = chosen.ids, False
    if chosen.all:
        found = _found(context, chosen.destination, chosen.code, MOST)
        names, more = [one["id"] for one in found["items"]], found["more"]
    results = retry_(context.settings, names, by=by, timeout_s=wait)
    items = [RetriedRow(id=one.id, done=one.why is None, why=one.why, detail=one.detail) for one in results]
    done = sum(one.done for one in items)
    return RetriedRows(done=done, left=len(items) - done, items=items, more=more)


@router.get("/item")
def item(context: AtHand, _: Viewer, name: Entry) -> dict[str, Any]:
    """The indicator of an entry in the form of a push: the start of a correction."""
    identity = check_name(name)[1]
    with context.view() as view:
        found = view.indicator(identity)
    if found is None:
        raise NotFoundError(f"no source has reported {identity}")
    return as_item(found)


@router.post("/correct")
def correct(
    context: AtHand,
    by: Editor,
    name: Entry,
    source: Annotated[str, Query(max_length=200, description="a Connection of type api that shares to the target")],
    body: Annotated[dict[str, Any], Body(description="the indicator, in the form of a push")],
) -> Corrected:
    """Push a corrected report in the name of a source. The entry changes as the merged indicator changes."""
    judged = correction(context.current_policy(), name, source, body, now_ms())
    context.intake.check_room()
    identity = judged.id or ""
    text = f"{by}: corrected {name} by a report of {identity}, in the name of {source}"
    context.intake.take(source, [judged], entries(context.settings, CORRECTED, text, [(name, "corrected")]))
    return Corrected(id=identity, same=identity == check_name(name)[1])


def _found(context: AtHand, destination: str | None, code: str | None, limit: int) -> dict[str, Any]:
    names = [destination] if destination else sorted(context.policy.connections)
    with context.view() as view:
        found = view.rejected(names, code, limit + 1)
    return {"items": found[:limit], "more": len(found) > limit}
