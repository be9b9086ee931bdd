"""Reads pushed items (JSON, NDJSON or CSV) as reports. A bad item is refused and does not affect the others. Pure.

A push repeated with the same times changes nothing.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from schemas.canonical import Canonical, Refused, canonicalise
from schemas.moment import MomentText, to_datetime
from schemas.record import Millis
from schemas.report import Report, Reputation, Verb
from schemas.types import IndicatorType, Severity
from services.console.ingest.csv_rows import csv_rows
from services.console.ingest.formats import Format, text_of
from services.console.ingest.json_items import json_items, ndjson_items
from services.console.ingest.raw_items import BadBodyError, RawItem
from services.console.manifests.mistake_texts import error_text, suggest
from services.console.manifests.shape import Shape

MAX_ITEMS = 10_000
MAX_BYTES = 32_000_000
BAD_ITEM = "bad_item"
NOT_AN_ITEM = "not_an_item"
SEEN_IN_FUTURE = "seen_in_future"


_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def _tags(given: object) -> object:
    """A list of tags, or one text with semicolons, or commas if it has no semicolon."""
    if isinstance(given, str):
        given = given.split(";" if ";" in given else ",")
    if isinstance(given, list):
        given = [tag.strip() if isinstance(tag, str) else tag for tag in given if tag != ""]
    return given


def _word(given: object) -> object:
    return given.strip().lower() if isinstance(given, str) else given


def _printable(given: str | None) -> str | None:
    if given and _CONTROL.search(given):
        raise ValueError("has a control character in it; remove it")
    return given


Text = AfterValidator(_printable)


class PushedItem(BaseModel):
    """One pushed item. Without `last_seen` it counts as seen now; without `type` the value determines the type."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    value: Annotated[str, Field(description="the indicator, in any spelling")]
    type: Annotated[IndicatorType | None, BeforeValidator(_word)] = None
    severity: Annotated[Severity, BeforeValidator(_word)] = Severity.UNKNOWN
    reputation: Annotated[Reputation, Field(description="1 harmless to 10 certainly malicious")] = 5
    comments: Annotated[str, Field(max_length=10_000), Text] = ""
    tags: Annotated[tuple[Annotated[str, Text], ...], BeforeValidator(_tags), Field(max_length=100)] = ()
    link: Annotated[str | None, Field(max_length=2_000), Text] = None
    external_id: Annotated[str | None, Field(max_length=500), Text] = None
    first_seen: MomentText = None
    last_seen: MomentText = None
    expires_at: MomentText = None
    withdrawn: Annotated[bool, Field(description="true: the source no longer asserts it")] = False


@dataclass(frozen=True, slots=True)
class JudgedItem:
    """The result for one item: accepted with its report, or refused for a reason."""

    index: int
    report: Report | None = None
    id: str | None = None
    reason: str | None = None
    detail: str = ""
    """For a refused item: why. For an accepted item: what was taken differently than stated."""
    line: int | None = None
    """The line of the body in which it begins, from 1."""
    field: str | None = None
    """The field that is wrong; None if it is not a single field."""

    @property
    def answer(self) -> dict[str, object]:
        """The item's part of the response."""
        place = {"index": self.index, "line": self.line}
        if self.report:
            accepted: dict[str, object] = {**place, "status": "accepted", "id": self.id}
            return {**accepted, "reason": self.reason, "detail": self.detail} if self.reason else accepted
        return {**place, "status": "refused", "reason": self.reason, "field": self.field, "detail": self.detail}


def read(body: bytes, form: Format, now: Millis, charset: str = "utf-8") -> list[JudgedItem]:
    """The result for each item of a body, in order.

    Raises:
        BadBodyError: the body cannot be read, or has no items or too many.

    """
    found: list[JudgedItem] = []
    for index, raw in enumerate(items_of(body, form, charset)):
        if index >= MAX_ITEMS:
            raise BadBodyError(f"there are more than {MAX_ITEMS} items; push them in several requests")
        found.append(_judge(index, raw, now))
    if not found:
        raise BadBodyError("the body holds no item")
    return found


def items_of(body: bytes, form: Format, charset: str = "utf-8") -> Iterator[RawItem]:
    """The items of a body, unchecked, each with its line. Used by the API and the command line.

    Raises:
        BadBodyError: the body as a whole cannot be read.

    """
    text = text_of(body, charset)
    match form:
        case Format.JSON:
            yield from json_items(text)
        case Format.NDJSON:
            yield from ndjson_items(text)
        case Format.CSV:
            yield from csv_rows(text, PushedItem.model_fields)


def _judge(index: int, raw: RawItem, now: Millis) -> JudgedItem:
    given, line = raw.value, raw.line
    if isinstance(given, str):
        given = {"value": given}
    if raw.flaw is not None or not isinstance(given, dict):
        why = raw.flaw or "an item is an object with a value, or a value alone"
        return JudgedItem(index, reason=NOT_AN_ITEM, detail=_shown(why), line=line)
    try:
        item = PushedItem.model_validate(
            {name: one for name, one in given.items() if one is not None or name == "value"}
        )
        found = canonicalise(item.value, item.type)
    except ValidationError as error:
        field, why = _mistake(error)
        return JudgedItem(index, reason=BAD_ITEM, detail=_shown(f"{field}: {why}"), line=line, field=_shown(field))
    except Refused as error:
        return JudgedItem(index, reason=str(error.reason), detail=str(error), line=line, field="value")
    report = _report(item, found, now)
    late = [name for name in ("first_seen", "last_seen") if (getattr(item, name) or 0) > now]
    if not late:
        return JudgedItem(index, report, found.id, line=line)
    receipt = to_datetime(now).isoformat(timespec="seconds")
    detail = f"{' and '.join(late)} is in the future; taken as seen at receipt, {receipt}"
    return JudgedItem(index, report, found.id, SEEN_IN_FUTURE, detail, line)


def _mistake(error: ValidationError) -> tuple[str, str]:
    """The first wrong field, and what to do about it."""
    first: Any = error.errors(include_url=False)[0]
    field = ".".join(map(str, first["loc"]))
    if first["type"] == "extra_forbidden":
        return field, f"there is no such field; {suggest(field, PushedItem.model_fields)}"
    if first["type"] == "string_unicode":
        return field, "has broken Unicode in it; remove it"
    return field, error_text(first, _shape().follow(first["loc"])[1])


@cache
def _shape() -> Shape:
    return Shape(PushedItem.model_json_schema())


def _shown(text: str) -> str:
    """`text` with lone surrogates escaped, so that it can be encoded."""
    return text.encode("utf-8", "backslashreplace").decode()


def _report(item: PushedItem, found: Canonical, now: Millis) -> Report:
    last = now if item.last_seen is None else min(item.last_seen, now)
    first = last if item.first_seen is None else min(item.first_seen, last)
    return Report(
        verb=Verb.WITHDRAW if item.withdrawn else Verb.UPDATE, type=found.type, value=found.value, observed_at=now,
        first_seen=first, last_seen=last, severity=item.severity, reputation=item.reputation, comments=item.comments,
        tags=item.tags, link=item.link, external_id=item.external_id,
        expires_at=item.expires_at,
    )  # fmt: skip
