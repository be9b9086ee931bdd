"""Dead letters by HTTP: the same operations as the command line's."""

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
from services.console.ingest.items import BadBodyError

router = APIRouter(prefix="/v1/deadletters", tags=["dead letters"], responses=RESPONSES)
Name = Annotated[str, Path(max_length=400, description="its id: `<topic>@<partition>:<offset>`")]
Names = Annotated[list[str] | None, Query(alias="id", max_length=100, description="ids of dead letters")]
_NAME = Query(max_length=300)
_TOPIC = Query(max_length=300, description="with or without the prefix of the installation")


class LetterRow(BaseModel):
    """A dead letter in a list: a record that no service could decode. `times`: how often it was set aside."""

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
    """Of a record that was too large to be copied: its bytes, a digest, and whether it is still where it was."""

    size: int
    checksum: str
    there: bool


class LetterWhole(LetterRow):
    """Everything about one. `problem` says why it cannot be replayed as it is; empty: it can.

    `original` and `payload`, what a replay produces, are JSON; what is none is `{"text": …}` or `{"base64": …}`.
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


class LetterList(BaseModel):
    """Dead letters, the oldest first, and how many there are in each state in all."""

    items: list[LetterRow]
    counts: dict[str, int]


class Became(BaseModel):
    """What became of one letter: done, or left as it is, with a stable reason."""

    id: str
    state: ResolutionState
    done: bool
    why: Why | None
    detail: str


class BecameAll(BaseModel):
    """What became of each, and how many are done and left."""

    done: int
    left: int
    items: list[Became]


@router.get("")
def deadletters(
    context: AtHand,
    who: Viewer,
    topic: Annotated[str | None, _TOPIC] = None,
    service: Annotated[str | None, _NAME] = None,
    state: ResolutionState | None = None,
    since: Annotated[str | None, Query(max_length=40, description="set aside since: how long ago, or a time")] = None,
) -> LetterList:
    """Records that no service could decode, with what was made of each."""
    only = Only(topic, service, state, moment(since))
    box = DeadLetterOperations(context.settings, who).box()
    return LetterList.model_validate(listed(box, box.select(only)))


@router.get("/{name}")
def deadletter(context: AtHand, who: Viewer, name: Name) -> LetterWhole:
    """Everything about one dead letter."""
    letters = DeadLetterOperations(context.settings, who)
    return LetterWhole.model_validate(whole(letters, letters.find(name)))


@router.put("/{name}/payload")
def edit(
    context: AtHand,
    who: Editor,
    name: Name,
    payload: Annotated[dict[str, Any], Body(description="the whole record, as its topic has it")],
) -> LetterWhole:
    """Put another payload in the place of a dead letter's own; a replay produces that. It must be readable."""
    letters = DeadLetterOperations(context.settings, who)
    return LetterWhole.model_validate(whole(letters, letters.edit(name, lambda _: payload)))


@router.post("/replay")
def replay(
    context: AtHand,
    who: Editor,
    names: Names = None,
    every: Annotated[bool, Query(alias="all", description="all that are open, instead of those named")] = False,
    topic: Annotated[str | None, _TOPIC] = None,
    force: Annotated[
        bool, Query(description="those named also once more, and also where something newer would be undone")
    ] = False,
) -> BecameAll:
    """Produce dead letters again where they came from. Whatever is left as it is has a reason."""
    if bool(names) == every or (topic and not every) or (force and every):
        raise BadBodyError("name dead letters by id, or say all=true (and a topic); force is for those named only")
    outcomes = DeadLetterOperations(context.settings, who).replay(names or None, Only(topic), force=force)
    return BecameAll.model_validate(became(outcomes))


@router.post("/drop")
def drop(
    context: AtHand,
    who: Editor,
    names: Annotated[list[str], Query(alias="id", min_length=1, max_length=100, description="ids of dead letters")],
    reason: Annotated[str, Query(max_length=2_000, description="why, for those who come after")] = "",
) -> BecameAll:
    """Let dead letters be. They are kept as long as any."""
    return BecameAll.model_validate(became(DeadLetterOperations(context.settings, who).drop(names, reason)))
