"""Dead letters as plain data: what the command line writes as JSON, and the API as well."""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from services.console.deadletters.dead_letter import ListedDeadLetter
from services.console.deadletters.operations import DeadLetterOperations
from services.console.deadletters.reader import DeadLetterBox
from services.console.deadletters.reasons import Outcome


def listed(box: DeadLetterBox, letters: Iterable[ListedDeadLetter]) -> dict[str, Any]:
    """A list, and how many there are in each state in all."""
    return {"items": [brief(letter) for letter in letters], "counts": dict(box.counts)}


def brief(letter: ListedDeadLetter) -> dict[str, Any]:
    """One of a list."""
    said = letter.resolution
    return {
        "id": letter.id, "state": str(letter.state), "topic": letter.last.topic, "partition": letter.last.partition,
        "offset": letter.last.offset, "services": letter.services, "key": text(letter.key), "error": letter.last.error,
        "since": letter.since, "last": letter.last.at, "times": len(letter.notes),
        "edited": said is not None and said.payload is not None,
    }  # fmt: skip


def whole(letters: DeadLetterOperations, letter: ListedDeadLetter) -> dict[str, Any]:
    """Everything about one. `problem` says why it could not be replayed as it is now."""
    said = letter.resolution
    return {
        **brief(letter),
        "problem": letters.problem(letter),
        "stub": stub(letter),
        "headers": {name: text(value) for name, value in letter.headers},
        "original": _value(letter.value),
        "payload": _value(letter.payload),
        "edited_by": said.edited_by if said else None,
        "edited_at": said.edited_at if said else None,
        "by": said.by if said else None,
        "at": said.at if said else None,
        "reason": said.reason if said else "",
        "replays": said.replays if said else 0,
    }


def stub(letter: ListedDeadLetter) -> dict[str, Any] | None:
    """What is known of a record that was too large to be copied, and whether it is still where it was; else None."""
    note = letter.last
    return {"size": note.size, "checksum": note.checksum, "there": not letter.is_stub} if note.is_stub else None


def became(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """What came of a replay or a drop."""
    items = [
        {"id": one.id, "state": str(one.state), "done": one.done, "why": one.why and str(one.why), "detail": one.detail}
        for one in outcomes
    ]
    done = sum(one.done for one in outcomes)
    return {"done": done, "left": len(items) - done, "items": items}


def text(raw: bytes | None) -> str | None:
    """Bytes as text; what is none shows its bytes as `\\xfe`."""
    return None if raw is None else raw.decode(errors="backslashreplace")


def _value(raw: bytes | None) -> Any:  # noqa: ANN401  # JSON
    """JSON where it is JSON, else text where it is text, else the bytes in base64, under their name."""
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
