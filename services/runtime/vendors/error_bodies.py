"""Code and message of a vendor's error body, in any known shape. Never raises: unknown shapes give empty texts.

Shapes known: `{"error": {"code", "message"}}` (Microsoft: Common REST API error codes), `{"error",
"error_description"}` (Microsoft: Token Issuance Endpoint Errors), `{"message": text or lists, "statusCode", "error"}`,
`{"status": "error", "errorCode", "errors"}`, `{"status": {"message"}}`, `{"validation_errors": [{"field"}]}`
(Netskope; seen in connectors).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from services.runtime.vendors.json_text import read_json

_LONGEST = 300
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """`code` and `message` are one line each, "" if the vendor gives none. `body` is the parsed JSON."""

    code: str
    message: str
    body: object


def read_error_body(content: bytes) -> ErrorBody:
    """Read an error body."""
    try:
        body = read_json(content)
    except ValueError:
        return ErrorBody("", "", None)
    code, message = _parts(body)
    return ErrorBody(_line(code), _line(message), body)


def of_body(body: object) -> ErrorBody:
    """Read an error body that is parsed already."""
    code, message = _parts(body)
    return ErrorBody(_line(code), _line(message), body)


def _parts(body: object) -> tuple[str, str]:
    if not isinstance(body, Mapping):
        return "", _text(body)
    inner = body.get("error")
    if isinstance(inner, Mapping):
        return _text(inner.get("code")), _text(inner.get("message"))
    status = body.get("status")
    if isinstance(status, Mapping):
        return _text(status.get("code")), _text(status.get("message"))
    code = _text(body.get("errorCode")) or _text(inner)
    for name in ("error_description", "message", "errors", "validation_errors", "detail"):
        message = _text(body.get(name))
        if message:
            return code, message
    return code, _text(inner)


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return ": ".join(_text(part) for part in value.values() if isinstance(part, str))
    if isinstance(value, list):
        shown = [_text(part) if not isinstance(part, list) else ": ".join(map(_text, part)) for part in value[:_SHOWN]]
        more = [f"and {len(value) - _SHOWN} more"] if len(value) > _SHOWN else []
        return "; ".join([*filter(None, shown), *more])
    return ""


def _line(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _LONGEST else flat[: _LONGEST - 1] + "…"
