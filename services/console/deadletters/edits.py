"""What a person puts in the place of a dead letter's value: whole, as a file or an editor gives it, or field by field.

Pure. All records are JSON objects; a value that is not even that can only be replaced whole.
"""

from collections.abc import Iterable
from typing import Any

import orjson

Payload = dict[str, Any]


class UnfitError(ValueError):
    """What was given cannot be kept as a payload; says which field, and what to do."""


def parsed(text: bytes | str) -> Payload:
    """A whole payload.

    Raises:
        UnfitError: it is no JSON object.

    """
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise UnfitError(f"the payload is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise UnfitError("the payload must be a JSON object, as every record is")
    return found


def pretty(payload: bytes | None) -> str:
    """A payload as people read it: JSON with indents where it is JSON."""
    try:
        return orjson.dumps(orjson.loads(payload or b""), option=orjson.OPT_INDENT_2).decode()
    except orjson.JSONDecodeError:
        return (payload or b"").decode(errors="backslashreplace")


def changed(payload: bytes | None, settings: Iterable[str]) -> Payload:
    """The payload with fields set: `reports.0.severity=high`. A value that is JSON is taken as JSON, else as text.

    Raises:
        UnfitError: the payload is no JSON object, or there is no such place in it.

    """
    try:
        found = parsed(payload or b"")
    except UnfitError as error:
        raise UnfitError(f"{error}; give it whole, with --file") from error
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
    raise UnfitError(f"{path}: there is no {part} here, this is {kind}")


def _value(text: str) -> object:
    try:
        found: object = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    return found
