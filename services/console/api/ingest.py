"""The route to which API sources push indicators. The token of a source is valid for that source only."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from starlette.concurrency import run_in_threadpool

from schemas.policy import Policy
from schemas.vendors.api import ApiSource
from services.console.api import models
from services.console.api.access import AtHand, Credentials, unauthorized
from services.console.api.context import ApiContext
from services.console.api.errors import RESPONSES, Problem
from services.console.api.json import answer
from services.console.api.resources import bounded
from services.console.ingest.expired import with_expiry
from services.console.ingest.formats import Format, format_of
from services.console.ingest.items import MAX_BYTES, read
from services.runtime.clock import now_ms

router = APIRouter(prefix="/v1", tags=["push"], responses={**RESPONSES, 429: {"model": Problem}})
_BODY = {
    "requestBody": {
        "required": True,
        "content": {form.value: {"schema": {} if form is Format.JSON else {"type": "string"}} for form in Format},
    }
}


@router.post("/sources/{name}/indicators", response_model=models.Pushed, openapi_extra=_BODY)
async def push(
    request: Request, context: AtHand, name: Annotated[str, Path(max_length=200)], credentials: Credentials
) -> Response:
    """Push up to 10,000 indicators. Each is accepted, or refused with its line, a reason and what to do.

    What is accepted is in Kafka; an item or a row that cannot be read hurts no other. JSON: one item, a list, or
    `{"indicators": [...]}`. CSV: the first line names the columns in any case, separated by comma, semicolon, tab or
    bar; blank lines and lines that begin with # are no rows; only `comments` may go over several lines. Text is
    UTF-8, or what its byte order mark or the charset says.

    A push may be repeated: with the same `last_seen` it changes nothing. A `last_seen` in the future counts as the
    time of receipt, and the item's answer has the reason `seen_in_future`. 429 names when to try again.
    """
    await run_in_threadpool(_check_token, context, name, credentials.credentials if credentials else "")
    form, charset = format_of(request.headers.get("content-type", ""))
    await run_in_threadpool(context.intake.check_room)
    body = await bounded(request, MAX_BYTES)
    return answer(await run_in_threadpool(_take, context, name, body, form, charset))


def _check_token(context: ApiContext, name: str, token: str) -> None:
    """Check the source's token. The error is the same whether the source exists or not."""
    if not token:
        raise unauthorized(f"a push to {name} needs its token: Authorization: Bearer, or IOC_BRIDGE_API_TOKEN")
    known = _hash(context.policy, name)
    if context.verifier.is_right(token, known):
        return
    current = _hash(context.current_policy(), name)  # the source may have been applied a moment ago
    if current == known or not context.verifier.is_right(token, current):
        raise unauthorized(f"this is not the token of a source named {name}; its Connection has the hash of it")


def _hash(policy: Policy, name: str) -> str | None:
    """The hash of a source's token; None where there is no such source."""
    connection = policy.connections.get(name)
    return connection.spec.token_hash if connection and isinstance(connection.spec, ApiSource) else None


def _take(context: ApiContext, name: str, body: bytes, form: Format, charset: str) -> dict[str, object]:
    now, source = now_ms(), context.policy.connections.get(name)
    aging = source.spec.aging if source else None
    judged = [with_expiry(one, aging, now) for one in read(body, form, now, charset)]
    context.intake.take(name, judged)
    accepted = sum(one.report is not None for one in judged)
    return {"accepted": accepted, "refused": len(judged) - accepted, "items": [one.answer for one in judged]}
