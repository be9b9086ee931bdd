"""Dead letters as plain data, for JSON output of the command line and the API."""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from services.console.deadletters.dead_letter import ListedDeadLetter
from services.console.deadletters.operations import DeadLetterOperations
from services.console.deadletters.reader import DeadLetterBox
from services.console.deadletters.reasons import Outcome


def listed(box: DeadLetterBox, letters: Iterable[ListedDeadLetter]) -> dict[str, Any]:
    """A list of dead letters, and the number of all dead letters by state."""
    return {"items": [brief(dead_letter) for dead_letter in letters], "counts": dict(box.counts)}


def brief(dead_letter: ListedDeadLetter) -> dict[str, Any]:
    """One row of a list."""
    resolution = dead_letter.resolution
    last = dead_letter.last
    return {
        "id": dead_letter.id, "state": str(dead_letter.state), "topic": last.topic, "partition": last.partition,
        "offset": last.offset, "services": dead_letter.services, "key": text(dead_letter.key), "error": last.error,
        "since": dead_letter.since, "last": last.at, "times": len(dead_letter.notes),
        "edited": resolution is not None and resolution.payload is not None,
    }  # fmt: skip


def whole(letters: DeadLetterOperations, dead_letter: ListedDeadLetter) -> dict[str, Any]:
    """One dead letter in full. `problem` says why it cannot be replayed as it is."""
    resolution = dead_letter.resolution
    return {
        **brief(dead_letter),
        "problem": letters.problem(dead_letter),
        "stub": stub(dead_letter),
        "headers": {name: text(value) for name, value in dead_letter.headers},
        "original": _value(dead_letter.value),
        "payload": _value(dead_letter.payload),
        "edited_by": resolution.edited_by if resolution else None,
        "edited_at": resolution.edited_at if resolution else None,
        "by": resolution.by if resolution else None,
        "at": resolution.at if resolution else None,
        "reason": resolution.reason if resolution else "",
        "replays": resolution.replays if resolution else 0,
    }


def stub(dead_letter: ListedDeadLetter) -> dict[str, Any] | None:
    """Size and checksum of a record too large to copy, and whether its original exists; None for other records."""
    note = dead_letter.last
    return {"size": note.size, "checksum": note.checksum, "there": not dead_letter.is_stub} if note.is_stub else None


def became(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """The results of a replay or a drop."""
    items = [
        {"id": one.id, "state": str(one.state), "done": one.done, "why": one.why and str(one.why), "detail": one.detail}
        for one in outcomes
    ]
    done = sum(one.done for one in outcomes)
    return {"done": done, "left": len(items) - done, "items": items}


def text(raw: bytes | None) -> str | None:
    """Bytes as text; bytes that are not UTF-8 appear as `\\xfe`."""
    return None if raw is None else raw.decode(errors="backslashreplace")


def _value(raw: bytes | None) -> Any:  # noqa: ANN401  # JSON
    """Parsed JSON, else `{"text": …}`, else `{"base64": …}`."""
    if raw is None:
        return None
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        pass
    try:
        return {"text": raw.decode()}
    except UnicodeDecodeError:
        return {"base64": b64encode(raw).decode()}
