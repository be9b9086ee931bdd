"""Routes for dead letters: the operations of the command line over HTTP."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Path, Query
from pydantic import BaseModel

from schemas.resolution_state import ResolutionState
from services.console.api.access import AtHand, Editor, Viewer
from services.console.api.errors import RESPONSES
from services.console.api.models import Millis
from services.console.cli.output.when import since as moment
from services.console.deadletters.operations import DeadLetterOperations
from services.console.deadletters.presentation import became, listed, whole
from services.console.deadletters.reader import Only
from services.console.deadletters.reasons import Why
from services.console.ingest.raw_items import BadBodyError

router = APIRouter(prefix="/v1/deadletters", tags=["dead letters"], responses=RESPONSES)
Name = Annotated[str, Path(max_length=400, description="id of the dead letter: `<topic>@<partition>:<offset>`")]
Names = Annotated[list[str] | None, Query(alias="id", max_length=100, description="ids of dead letters")]
_NAME = Query(max_length=300)
_TOPIC = Query(max_length=300, description="topic, with or without the prefix of the installation")


class DeadLetterRow(BaseModel):
    """A record that a service could not decode. `times`: how often it was written to the dead-letter topic."""

    id: str
    state: ResolutionState
    topic: str
    partition: int
    offset: int
    services: list[str]
    key: str | None
    error: str
    since: Millis
    last: Millis
    times: int
    edited: bool


class Stub(BaseModel):
    """A record too large to copy: size in bytes, checksum, and whether the original is still in its topic."""

    size: int
    checksum: str
    there: bool


class DeadLetterWhole(DeadLetterRow):
    """A dead letter in full. `problem` says why it cannot be replayed as it is; empty: it can be.

    `original` and `payload` (what a replay produces) are JSON; other bytes are `{"text": …}` or `{"base64": …}`.
    """

    problem: str
    stub: Stub | None
    headers: dict[str, str | None]
    original: Any
    payload: Any
    edited_by: str | None
    edited_at: Millis | None
    by: str | None
    at: Millis | None
    reason: str
    replays: int


class DeadLetterList(BaseModel):
    """Dead letters, oldest first, and the number of all dead letters by state."""

    items: list[DeadLetterRow]
    counts: dict[str, int]


class DeadLetterOutcome(BaseModel):
    """The result for one dead letter: done, or left unchanged for a stable reason code."""

    id: str
    state: ResolutionState
    done: bool
    why: Why | None
    detail: str


class DeadLetterOutcomes(BaseModel):
    """The result for each dead letter, and how many are done and left."""

    done: int
    left: int
    items: list[DeadLetterOutcome]


@router.get("")
def deadletters(
    context: AtHand,
    by: Viewer,
    topic: Annotated[str | None, _TOPIC] = None,
    service: Annotated[str | None, _NAME] = None,
    state: ResolutionState | None = None,
    since: Annotated[str | None, Query(max_length=40, description="written since: how long ago, or a time")] = None,
) -> DeadLetterList:
    """Records that services could not decode, with the state of each."""
    only = Only(topic, service, state, moment(since))
    box = DeadLetterOperations(context.settings, by).box()
    return DeadLetterList.model_validate(listed(box, box.select(only)))


@router.get("/{name}")
def deadletter(context: AtHand, by: Viewer, name: Name) -> DeadLetterWhole:
    """One dead letter in full."""
    operations = DeadLetterOperations(context.settings, by)
    return DeadLetterWhole.model_validate(whole(operations, operations.find(name)))


@router.put("/{name}/payload")
def edit(
    context: AtHand,
    by: Editor,
    name: Name,
    payload: Annotated[dict[str, Any], Body(description="the whole record, as in its topic")],
) -> DeadLetterWhole:
    """Replace the payload that a replay produces. It must be a valid record of its topic."""
    operations = DeadLetterOperations(context.settings, by)
    return DeadLetterWhole.model_validate(whole(operations, operations.edit(name, lambda _: payload)))


@router.post("/replay")
def replay(
    context: AtHand,
    by: Editor,
    names: Names = None,
    every: Annotated[bool, Query(alias="all", description="all open dead letters, instead of named ones")] = False,
    topic: Annotated[str | None, _TOPIC] = None,
    force: Annotated[
        bool, Query(description="also replay what was replayed before, and what would undo something newer")
    ] = False,
) -> DeadLetterOutcomes:
    """Produce dead letters again to the topics they came from. Each one left unchanged has a reason."""
    if bool(names) == every or (topic and not every) or (force and every):
        raise BadBodyError("name dead letters by id, or set all=true (and a topic); force works with ids only")
    outcomes = DeadLetterOperations(context.settings, by).replay(names or None, Only(topic), force=force)
    return DeadLetterOutcomes.model_validate(became(outcomes))


@router.post("/drop")
def drop(
    context: AtHand,
    by: Editor,
    names: Annotated[list[str], Query(alias="id", min_length=1, max_length=100, description="ids of dead letters")],
    reason: Annotated[str, Query(max_length=2_000, description="why, for later readers")] = "",
) -> DeadLetterOutcomes:
    """Mark dead letters as dropped. They stay in the topic for its retention time."""
    return DeadLetterOutcomes.model_validate(became(DeadLetterOperations(context.settings, by).drop(names, reason)))
