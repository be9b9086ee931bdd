"""Edits of a dead letter's payload: the whole of it, or single fields. Pure.

All records are JSON objects; a payload that is no JSON object can only be replaced whole.
"""

from collections.abc import Iterable
from typing import Any

import orjson

Payload = dict[str, Any]


class UnfitError(ValueError):
    """The edited payload is invalid; the text names the field and the remedy."""


def parsed(text: bytes | str) -> Payload:
    """Parse a whole payload.

    Raises:
        UnfitError: the text is no JSON object.

    """
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise UnfitError(f"the payload is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise UnfitError("the payload must be a JSON object, as every record is")
    return found


def pretty(payload: bytes | None) -> str:
    """A payload for people: indented if it is JSON."""
    try:
        return orjson.dumps(orjson.loads(payload or b""), option=orjson.OPT_INDENT_2).decode()
    except orjson.JSONDecodeError:
        return (payload or b"").decode(errors="backslashreplace")


def changed(payload: bytes | None, settings: Iterable[str]) -> Payload:
    """The payload with fields set: `reports.0.severity=high`. A value is read as JSON, otherwise as text.

    Raises:
        UnfitError: the payload is no JSON object, or a path does not exist in it.

    """
    try:
        found = parsed(payload or b"")
    except UnfitError as error:
        raise UnfitError(f"{error}; replace it whole, with --file") from error
    for setting in settings:
        path, equals, text = setting.partition("=")
        if not equals or not path:
            raise UnfitError(f"{setting!r} is not FIELD=VALUE, for example severity=high or reports.0.severity=high")
        _put(found, path, _value(text))
    return found


def _put(root: Payload, path: str, value: object) -> None:
    *way, last = path.split(".")
    at: Any = root
    for part in way:
        at = at[_index(at, part, path)]
    at[_index(at, last, path, new=True)] = value


def _index(at: object, part: str, path: str, *, new: bool = False) -> Any:  # noqa: ANN401  # of a list or of an object
    if isinstance(at, dict) and (new or part in at):
        return part
    if isinstance(at, list) and part.isdecimal() and int(part) < len(at):
        return int(part)
    kind = f"a list of {len(at)}" if isinstance(at, list) else "an object" if isinstance(at, dict) else "a single value"
    raise UnfitError(f"{path}: there is no {part} in {kind}")


def _value(text: str) -> object:
    try:
        found: object = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    return found
