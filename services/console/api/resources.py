"""Routes for resources and holds: the operations of the command line over HTTP."""

from typing import Annotated, Literal

import orjson
from fastapi import APIRouter, Body, Depends, Path, Query, Request
from starlette.concurrency import run_in_threadpool

from services.console.api import models
from services.console.api.access import AtHand, Editor, Viewer
from services.console.api.errors import RESPONSES
from services.console.ingest.raw_items import BadBodyError
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
DryRun = Annotated[bool, Query(description="check everything and report what would be done, without doing it")]
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
    """The resources in a body of YAML or JSON, and the mistakes in it.

    Raises:
        BadBodyError: the body has another content type, is too large, or holds no resource.

    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in ("application/yaml", "application/json"):
        raise BadBodyError("set Content-Type to application/yaml or application/json")
    body = await bounded(request, MAX_BYTES)
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise BadBodyError("the body is not UTF-8 text") from error
    found, mistakes = await run_in_threadpool(read_text, text, "body")
    if not found and not mistakes:
        raise BadBodyError("the body holds no resource")
    return found, mistakes


async def bounded(request: Request, most: int) -> bytes:
    """The body of a request.

    Raises:
        BadBodyError: it is larger than `most` bytes.

    """
    found = bytearray()
    async for part in request.stream():
        found += part
        if len(found) > most:
            raise BadBodyError(f"the body is larger than {most} bytes; send it in several requests")
    return bytes(found)


Documents = Annotated[tuple[list[Document], list[Mistake]], Depends(documents)]


@router.get("/resources/{kind}", tags=["resources"])
def listed(context: AtHand, by: Viewer, kind: Kind) -> models.Resources:
    """The resources of a kind, or of `all` kinds, in the form of files."""
    on = context.operations(by).snapshot()
    return models.Resources(items=[as_document(found) for found in select(on, kinds_of(kind))])


@router.get("/resources/{kind}/{name}", tags=["resources"])
def one(context: AtHand, by: Viewer, kind: Kind, name: Name) -> dict[str, object]:
    """One resource with its version. A put with this version fails (409) if the resource changed in between."""
    (found,) = select(context.operations(by).snapshot(), [kind_of(kind)], [name])
    return as_document(found)


@router.put("/resources/{kind}/{name}", tags=["resources"])
def put(
    context: AtHand,
    by: Editor,
    kind: Kind,
    name: Name,
    resource: Annotated[dict[str, object], Body(description="the resource, in the form of a file")],
    dry_run: DryRun = False,
) -> models.OutcomeModel:
    """Create or change a resource. With `metadata.resourceVersion`, only if that is still its version (else 409)."""
    given = resource.get("metadata")
    if resource.get("kind") != kind_of(kind) or not isinstance(given, dict) or given.get("name") != name:
        raise BadBodyError(f"the path names {kind_of(kind)} {name}, the body another resource; make the two equal")
    documents, mistakes = read_text(orjson.dumps(resource).decode(), "body")
    return outcome_model(context.operations(by).apply(documents, mistakes, dry_run=dry_run), dry_run=dry_run)


@router.delete("/resources/{kind}/{name}", tags=["resources"])
def delete(
    context: AtHand,
    by: Editor,
    kind: Kind,
    name: Name,
    keep: Annotated[bool, Query(description="sharings only: leave their entries at the vendors")] = False,
    dry_run: DryRun = False,
) -> models.OutcomeModel:
    """Delete a resource. Entries that only it desired are withdrawn at the vendors."""
    outcome = context.operations(by).delete([(kind_of(kind), name)], dry_run=dry_run, keep=keep)
    return outcome_model(outcome, dry_run=dry_run)


@router.post("/apply", tags=["resources"], openapi_extra=BODY)
def apply(context: AtHand, by: Editor, body: Documents, dry_run: DryRun = False) -> models.OutcomeModel:
    """Create or change the resources of a file: all, or none if there is a mistake. Reports every mistake."""
    return outcome_model(context.operations(by).apply(*body, dry_run=dry_run), dry_run=dry_run)


@router.get("/holds", tags=["holds"])
def holds(context: AtHand, _: Viewer) -> models.Holds:
    """Changes that are held until a person confirms or rejects them."""
    return models.Holds(items=[models.HoldRow(**dict(hold)) for hold in read_holds(context.settings)])


@router.post("/holds/{name}/{verdict}", tags=["holds"])
def judge(context: AtHand, by: Editor, name: Name, verdict: Literal["confirm", "reject"]) -> models.OutcomeModel:
    """Confirm a held change, or reject it: then it stays held until it is no longer due."""
    return outcome_model(context.operations(by).judge(find_hold(context.settings, name), verdict), dry_run=False)


def outcome_model(outcome: Outcome, *, dry_run: bool) -> models.OutcomeModel:
    """The response for an outcome."""
    return models.OutcomeModel(
        changes=[_change(one) for one in outcome.changes],
        topics_created=[state.topic.name for state in outcome.topics if state.state in ("created", "missing")],
        topics_wrong=[f"{state.topic.name} {line}" for state in outcome.topics for line in state.wrong],
        dry_run=dry_run,
    )


def _change(one: Change) -> models.ChangeRow:
    entries = [
        models.EntryMeaning(field=dotted(entry.place), text=entry.text, meaning=entry.meaning) for entry in one.entries
    ]
    return models.ChangeRow(kind=one.id[0], name=one.id[1], what=one.what, entries=entries)
