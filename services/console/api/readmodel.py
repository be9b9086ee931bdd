"""Routes that answer from the read model: indicators, activity, sharings and status."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from schemas.canonical import identify
from schemas.level import Level
from schemas.types import Family, IndicatorType, Severity
from services.console.api import models
from services.console.api.access import AtHand, Viewer
from services.console.api.errors import RESPONSES
from services.console.api.json import answer
from services.console.cli.output.targets import target_id_of
from services.console.cli.output.when import since as moment
from services.console.queries.states import read_states
from services.console.readmodel.queries import MAX_PAGE, Filter
from services.console.readmodel.sharings import sharing_rows
from services.console.resources.planning import NotFoundError

router = APIRouter(prefix="/v1", tags=["read"], responses=RESPONSES)
Limit = Annotated[int, Query(ge=1, le=MAX_PAGE)]
_TEXT = Query(max_length=8_192)
_NAME = Query(max_length=500)


def filter_of(  # one parameter per filter
    q: Annotated[str, Query(max_length=8_192, description="words of the value; the last may be a prefix")] = "",
    types: Annotated[list[IndicatorType] | None, Query(alias="type")] = None,
    family: Family | None = None,
    severity: Annotated[Severity | None, Query(description="at least this severe")] = None,
    active: bool | None = None,
    source: Annotated[str | None, _NAME] = None,
    tag: Annotated[str | None, _NAME] = None,
    destination: Annotated[str | None, _NAME] = None,
    target: Annotated[
        str | None, Query(max_length=500, description="kind and name, as in url-list:Blocked by us, or its id")
    ] = None,
    state: models.Known | None = None,
    since: Annotated[
        str | None, Query(max_length=40, description="last seen since: how long ago (7d) or a time")
    ] = None,
) -> Filter:
    """The filter that the query parameters describe."""
    at = target_id_of(target) if target else None
    return Filter(q.strip(), types or (), family, severity, active, source, tag, destination, at, state, moment(since))


Filtered = Annotated[Filter, Depends(filter_of)]


@router.get("/indicators", response_model=models.IndicatorPage)
def indicators(
    context: AtHand,
    _: Viewer,
    only: Filtered,
    limit: Limit = 100,
    cursor: Annotated[str | None, Query(max_length=200, description="`next` of the previous page")] = None,
) -> Response:
    """A page of indicators, last seen first; a search lists the latest reported first."""
    with context.view() as view:
        return answer(view.indicators(only, limit, cursor))


@router.get("/indicators/count", response_model=models.Counted)
def count(context: AtHand, _: Viewer, only: Filtered) -> Response:
    """How many indicators there are, counted up to 10,000."""
    with context.view() as view:
        return answer(view.count(only))


@router.get("/indicator", response_model=dict[str, object])
def indicator(context: AtHand, _: Viewer, value: Annotated[str, _TEXT]) -> Response:
    """One indicator in full, by its id or its value in any spelling."""
    identity = identify(value).id
    with context.view() as view:
        found = view.indicator(identity)
    if found is None:
        raise NotFoundError(f"no source has reported {identity}")
    return answer(found)


@router.get("/activity", response_model=models.ActivityPage)
def activity(
    context: AtHand,
    _: Viewer,
    level: Level | None = None,
    code: Annotated[str | None, _NAME] = None,
    service: Annotated[str | None, _NAME] = None,
    connection: Annotated[str | None, _NAME] = None,
    limit: Limit = 100,
    before: Annotated[int | None, Query(ge=0, lt=2**62, description="`next` of the previous page")] = None,
) -> Response:
    """The activity log, latest first: skips, holds, rejections, faults, and changes with their authors."""
    with context.view() as view:
        return answer(view.activity(limit, before, level=level, code=code, service=service, connection=connection))


@router.get("/sharings", response_model=models.Sharings)
def sharings(context: AtHand, _: Viewer) -> Response:
    """Every sharing: whether it is in force, what it waits for, and its entries by state."""
    states = read_states(context.settings)
    with context.view() as view:
        return answer({"items": sharing_rows(context.policy, view.shared_counts(), states)})


@router.get("/status", response_model=models.Status)
def status(context: AtHand, _: Viewer) -> Response:
    """Progress of the router and the read model, and counts of indicators."""
    with context.view() as view:
        found, unreadable = view.summary(), view.unreadable()
    partitions = [
        {
            "partition": number, "policy_version": known.policy_version, "done": known.done, "of": known.of,
            "reevaluating": known.reevaluating is not None,
        }
        for number, known in sorted(context.progress.items())
    ]  # fmt: skip
    return answer({
        "policy_version": context.policy.version, "partitions": partitions, "reports_behind": context.intake.behind(),
        **found, "unreadable": unreadable,
    })  # fmt: skip
