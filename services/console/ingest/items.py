"""What other systems push, as reports: JSON, NDJSON or CSV, item by item. A bad item is refused and hurts no other.

Pure. A push that is repeated with the same times changes nothing.
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from schemas.canonical import Canonical, Refused, canonicalise
from schemas.moment import MomentText, to_datetime
from schemas.record import Millis
from schemas.report import Report, Reputation, Verb
from schemas.types import IndicatorType, Severity

MAX_ITEMS = 10_000
MAX_BYTES = 32_000_000
BAD_ITEM = "bad_item"
NOT_AN_ITEM = "not_an_item"
SEEN_IN_FUTURE = "seen_in_future"


class Format(StrEnum):
    """How items are written."""

    JSON = "application/json"
    NDJSON = "application/x-ndjson"
    CSV = "text/csv"


class BadBodyError(ValueError):
    """The body as a whole cannot be read, or holds too much; says what to do."""


def _tags(said: object) -> object:
    """A list; in CSV one text with semicolons between."""
    return [tag for part in said.split(";") if (tag := part.strip())] if isinstance(said, str) else said


class PushedItem(BaseModel):
    """What a system says of one indicator. Without `last_seen`, it is seen now; without `type`, the value tells."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    value: Annotated[str, Field(description="the indicator, in any spelling")]
    type: IndicatorType | None = None
    severity: Severity = Severity.UNKNOWN
    reputation: Annotated[Reputation, Field(description="1 harmless to 10 certainly malicious")] = 5
    comments: Annotated[str, Field(max_length=10_000)] = ""
    tags: Annotated[tuple[str, ...], BeforeValidator(_tags), Field(max_length=100)] = ()
    link: Annotated[str | None, Field(max_length=2_000)] = None
    external_id: Annotated[str | None, Field(max_length=500)] = None
    first_seen: MomentText = None
    last_seen: MomentText = None
    expires_at: MomentText = None
    withdrawn: Annotated[bool, Field(description="true: it is no longer held for bad")] = False


@dataclass(frozen=True, slots=True)
class JudgedItem:
    """What became of one item: accepted with its report, or refused for a reason."""

    index: int
    report: Report | None = None
    id: str | None = None
    reason: str | None = None
    detail: str = ""
    """Of a refused item: why. Of an accepted one: what of it was taken otherwise than it was said."""

    @property
    def answer(self) -> dict[str, object]:
        """What the pusher is told."""
        if self.report:
            accepted: dict[str, object] = {"index": self.index, "status": "accepted", "id": self.id}
            return {**accepted, "reason": self.reason, "detail": self.detail} if self.reason else accepted
        return {"index": self.index, "status": "refused", "reason": self.reason, "detail": self.detail}


def read(body: bytes, form: Format, now: Millis) -> list[JudgedItem]:
    """What becomes of each item of a body, in order.

    Raises:
        BadBodyError: there are no items in it, or too many.

    """
    found: list[JudgedItem] = []
    for index, said in enumerate(items_of(body, form)):
        if index >= MAX_ITEMS:
            raise BadBodyError(f"there are more than {MAX_ITEMS} items; push them in several requests")
        found.append(_judge(index, said, now))
    if not found:
        raise BadBodyError("there is no item in it")
    return found


def items_of(body: bytes, form: Format) -> Iterator[object]:
    """The items of a body, unchecked; an error stands for a line that is none.

    Raises:
        BadBodyError: the body as a whole cannot be read.

    """
    match form:
        case Format.JSON:
            parsed = _json(body, "the body")
            inner = parsed.get("indicators") if isinstance(parsed, dict) and "value" not in parsed else parsed
            if not isinstance(inner, dict | list):
                raise BadBodyError('give one item, a list of items, or {"indicators": [...]}')
            yield from inner if isinstance(inner, list) else [inner]
        case Format.NDJSON:
            for number, line in enumerate(body.splitlines(), 1):
                if line.strip():
                    yield _line(line, number)
        case Format.CSV:
            yield from _rows(body)


def _json(text: bytes, what: str) -> object:
    try:
        parsed: object = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadBodyError(f"{what} is not JSON: {error}") from error
    return parsed


def _line(line: bytes, number: int) -> object:
    try:
        return _json(line, f"line {number}")
    except BadBodyError as error:
        return error


def _rows(body: bytes) -> Iterator[object]:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadBodyError("the body is not UTF-8 text") from error
    rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        if not rows.fieldnames or "value" not in rows.fieldnames:
            known = ", ".join(PushedItem.model_fields)
            raise BadBodyError(f"the first line must name the columns, value among them; there are {known}")
        for row in rows:
            if None in row or None in row.values():
                yield BadBodyError(f"line {rows.line_num} has not as many cells as the first line has columns")
            else:
                yield {name: cell for name, cell in row.items() if cell != ""}
    except csv.Error as error:
        raise BadBodyError(f"line {rows.line_num} is not CSV: {error}") from error


def _judge(index: int, said: object, now: Millis) -> JudgedItem:
    if isinstance(said, BadBodyError):
        return JudgedItem(index, reason=NOT_AN_ITEM, detail=str(said))
    if isinstance(said, str):
        said = {"value": said}
    if not isinstance(said, dict):
        return JudgedItem(index, reason=NOT_AN_ITEM, detail="an item is an object with a value, or a value alone")
    try:
        item = PushedItem.model_validate(said)
        found = canonicalise(item.value, item.type)
    except ValidationError as error:
        return JudgedItem(index, reason=BAD_ITEM, detail=_told(error))
    except Refused as error:
        return JudgedItem(index, reason=str(error.reason), detail=str(error))
    report = _report(item, found, now)
    late = [name for name in ("first_seen", "last_seen") if (getattr(item, name) or 0) > now]
    if not late:
        return JudgedItem(index, report, found.id)
    receipt = to_datetime(now).isoformat(timespec="seconds")
    detail = f"{' and '.join(late)} is yet to come; taken as seen at receipt, {receipt}"
    return JudgedItem(index, report, found.id, SEEN_IN_FUTURE, detail)


def _told(error: ValidationError) -> str:
    first: Any = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(map(str, first["loc"]))
    known = f"; the fields are {', '.join(PushedItem.model_fields)}" if first["type"] == "extra_forbidden" else ""
    return f"{place}: {first['msg']}{known}"


def _report(item: PushedItem, found: Canonical, now: Millis) -> Report:
    last = now if item.last_seen is None else min(item.last_seen, now)
    first = last if item.first_seen is None else min(item.first_seen, last)
    return Report(
        verb=Verb.WITHDRAW if item.withdrawn else Verb.UPDATE, type=found.type, value=found.value, observed_at=now,
        first_seen=first, last_seen=last, severity=item.severity, reputation=item.reputation, comments=item.comments,
        tags=item.tags, link=item.link, external_id=item.external_id,
        expires_at=item.expires_at,
    )  # fmt: skip
