"""Routes that query the router and the guards: test, diff, sync, explain, test-guard."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import Field

from schemas.request import MAX_LINES, RequestVerb
from services.console.api import models
from services.console.api.access import AtHand, Editor, Viewer
from services.console.api.errors import RESPONSES
from services.console.api.resources import BODY, Documents
from services.console.cli.output.when import since as moment
from services.console.queries.answers import answered, explained
from services.console.queries.explain import explain as explain_
from services.console.queries.guard_trial import GuardTrial
from services.console.queries.requests import Question, ask
from services.runtime.clock import now_ms

router = APIRouter(prefix="/v1", tags=["ask"], responses=RESPONSES)
Since = Annotated[str | None, Query(max_length=40, description="last seen since: how long ago (7d) or a time")]
Lines = Annotated[int, Query(ge=0, le=MAX_LINES, description="entries to list for each partition")]
Values = Annotated[
    list[Annotated[str, Field(max_length=8_192)]],
    Query(min_length=1, max_length=10, description="indicators, in any spelling, or their ids"),
]
ConnectionName = Annotated[
    str | None, Query(max_length=200, description="only the guards of this connection; none: of every connection")
]
Wait = Annotated[float, Query(ge=0.1, le=120, description="seconds to wait for the router")]


@router.get("/sharings/{name}/test")
def trial(
    context: AtHand,
    by: Viewer,
    name: Annotated[str, Path(max_length=200)],
    since: Since = None,
    lines: Lines = 0,
    wait: Wait = 60,
) -> models.Answered:
    """What a sharing would send: counts by type, bytes for lists, and skipped entries by reason."""
    question = Question(RequestVerb.TEST, name, since=moment(since), lines=lines)
    return models.Answered.model_validate(answered(ask(context.settings, question, by=by, timeout_s=wait)))


@router.post("/diff", openapi_extra=BODY)
def diff(context: AtHand, by: Viewer, body: Documents, lines: Lines = 100, wait: Wait = 60) -> models.Answered:
    """What applying a file would change at each target. Nothing is applied."""
    planned = context.operations(by).plan(*body)
    resources = {key: value.decode() if value else "" for key, value in planned.writes}
    question = Question(RequestVerb.DIFF, resources=resources, lines=lines)
    return models.Answered.model_validate(answered(ask(context.settings, question, by=by, timeout_s=wait)))


@router.post("/sync")
def sync(
    context: AtHand,
    by: Editor,
    sharing: Annotated[str | None, Query(max_length=200, description="none: every sharing")] = None,
    since: Since = None,
    wait: Wait = 60,
) -> models.Answered:
    """Write all desired entries again, whatever the applied state says."""
    question = Question(RequestVerb.SYNC, sharing, since=moment(since), lines=0)
    return models.Answered.model_validate(answered(ask(context.settings, question, by=by, timeout_s=wait)))


@router.get("/explain")
def explain(
    context: AtHand, by: Viewer, value: Annotated[str, Query(max_length=8_192)], wait: Wait = 20
) -> dict[str, object]:
    """Why an indicator is or is not at each target: by source, by sharing, with the vendors' answers."""
    return explained(explain_(context.settings, value, by=by, timeout_s=wait))


@router.get("/test-guard")
def guard_trial(context: AtHand, by: Viewer, value: Values, connection: ConnectionName = None) -> models.GuardAnswers:
    """Which values the guards block, by which entries, and which entries are close to a value."""
    policy = context.operations(by).snapshot().policy
    return models.GuardAnswers.model_validate(GuardTrial(policy, now_ms(), connection).answers(value))


@router.post("/test-guard", openapi_extra=BODY)
def guard_trial_as_if(
    context: AtHand, by: Viewer, body: Documents, value: Values, connection: ConnectionName = None
) -> models.GuardAnswers:
    """Test the guards as if a file were applied. Nothing is applied."""
    policy = context.operations(by).plan(*body).policy
    return models.GuardAnswers.model_validate(GuardTrial(policy, now_ms(), connection, body[0]).answers(value))
