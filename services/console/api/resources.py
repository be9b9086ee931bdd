"""Changing: the operations of the command line on resources, by the same code, and what is held."""

from typing import Annotated, Literal

import orjson
from fastapi import APIRouter, Body, Depends, Path, Query, Request
from starlette.concurrency import run_in_threadpool

from services.console.api import models
from services.console.api.access import AtHand, Editor, Viewer
from services.console.api.errors import RESPONSES
from services.console.ingest.items import BadBodyError
from services.console.manifests.documents import Document, read_text
from services.console.manifests.fields import as_document
from services.console.manifests.places import Mistake, dotted
from services.console.queries.holds import find_hold, read_holds
from services.console.resources.kinds import kind_of, kinds_of
from services.console.resources.operations import Outcome, select
from services.console.resources.planning import Change

router = APIRouter(prefix="/v1", responses=RESPONSES)
MAX_BYTES = 10_000_000
Kind = Annotated[str, Path(max_length=40, description="a kind of resource, in singular or plural")]
Name = Annotated[str, Path(max_length=200)]
DryRun = Annotated[bool, Query(description="check everything and say what would be done, but do nothing")]
BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/yaml": {"schema": {"type": "string"}},
            "application/json": {"schema": {"type": ["object", "array"]}},
        },
    }
}


async def documents(request: Request) -> tuple[list[Document], list[Mistake]]:
    """The resources in a body: YAML, of which JSON is a part.

    Raises:
        BadBodyError: it is not said to be one of these, is too large, or holds none.

    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    if kind not in ("application/yaml", "application/json"):
        raise BadBodyError("say Content-Type: application/yaml or application/json")
    body = await bounded(request, MAX_BYTES)
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise BadBodyError("the body is not UTF-8 text") from error
    found, mistakes = await run_in_threadpool(read_text, text, "body")
    if not found and not mistakes:
        raise BadBodyError("there is no resource in it")
    return found, mistakes


async def bounded(request: Request, most: int) -> bytes:
    """The body, if it is not too large.

    Raises:
        BadBodyError: it is.

    """
    found = bytearray()
    async for part in request.stream():
        found += part
        if len(found) > most:
            raise BadBodyError(f"the body is larger than {most} bytes; send it in several requests")
    return bytes(found)


Documents = Annotated[tuple[list[Document], list[Mistake]], Depends(documents)]


@router.get("/resources/{kind}", tags=["resources"])
def listed(context: AtHand, who: Viewer, kind: Kind) -> models.Resources:
    """The resources of a kind, or of `all` kinds, as files have them."""
    on = context.operations(who).snapshot()
    return models.Resources(items=[as_document(found) for found in select(on, kinds_of(kind))])


@router.get("/resources/{kind}/{name}", tags=["resources"])
def one(context: AtHand, who: Viewer, kind: Kind, name: Name) -> dict[str, object]:
    """One resource, with its version. Put it back with that, and nobody's change in between is overwritten."""
    (found,) = select(context.operations(who).snapshot(), [kind_of(kind)], [name])
    return as_document(found)


@router.put("/resources/{kind}/{name}", tags=["resources"])
def put(
    context: AtHand,
    who: Editor,
    kind: Kind,
    name: Name,
    resource: Annotated[dict[str, object], Body(description="the resource, as a file has it")],
    dry_run: DryRun = False,
) -> models.OutcomeSaid:
    """Add a resource, or edit it. With `metadata.resourceVersion`, only if it is still that one (409 otherwise)."""
    given = resource.get("metadata")
    if resource.get("kind") != kind_of(kind) or not isinstance(given, dict) or given.get("name") != name:
        raise BadBodyError(f"the address says {kind_of(kind)} {name}, the body something else; make the two alike")
    documents, mistakes = read_text(orjson.dumps(resource).decode(), "body")
    return said(context.operations(who).apply(documents, mistakes, dry_run=dry_run), dry_run=dry_run)


@router.delete("/resources/{kind}/{name}", tags=["resources"])
def delete(
    context: AtHand,
    who: Editor,
    kind: Kind,
    name: Name,
    keep: Annotated[bool, Query(description="sharings only: leave at the vendors what they put there")] = False,
    dry_run: DryRun = False,
) -> models.OutcomeSaid:
    """Delete a resource. What only it wanted is withdrawn at the vendors."""
    outcome = context.operations(who).delete([(kind_of(kind), name)], dry_run=dry_run, keep=keep)
    return said(outcome, dry_run=dry_run)


@router.post("/apply", tags=["resources"], openapi_extra=BODY)
def apply(context: AtHand, who: Editor, body: Documents, dry_run: DryRun = False) -> models.OutcomeSaid:
    """Make resources as a file says: all of them, or none if anything is wrong. Every mistake is told."""
    return said(context.operations(who).apply(*body, dry_run=dry_run), dry_run=dry_run)


@router.get("/holds", tags=["holds"])
def holds(context: AtHand, _: Viewer) -> models.Holds:
    """What guards hold until a person has looked at it."""
    return models.Holds(items=[models.HoldRow(**dict(hold)) for hold in read_holds(context.settings)])


@router.post("/holds/{name}/{verdict}", tags=["holds"])
def judge(context: AtHand, who: Editor, name: Name, verdict: Literal["confirm", "reject"]) -> models.OutcomeSaid:
    """Let through what is held, or keep it back until it is over by itself."""
    return said(context.operations(who).judge(find_hold(context.settings, name), verdict), dry_run=False)


def said(outcome: Outcome, *, dry_run: bool) -> models.OutcomeSaid:
    """An outcome as JSON has it."""
    return models.OutcomeSaid(
        changes=[_change(one) for one in outcome.changes],
        topics_created=[state.topic.name for state in outcome.topics if state.state in ("created", "missing")],
        topics_wrong=[f"{state.topic.name} {line}" for state in outcome.topics for line in state.wrong],
        dry_run=dry_run,
    )


def _change(one: Change) -> models.ChangeSaid:
    entries = [
        models.EntryMeaning(field=dotted(entry.place), text=entry.text, meaning=entry.meaning) for entry in one.entries
    ]
    return models.ChangeSaid(kind=one.id[0], name=one.id[1], what=one.what, entries=entries)
