"""Checks that a request has only documented query parameters, each once unless it is a list.

Otherwise a misspelt filter would silently match everything, and a repeated one would lose a value.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError


def check_parameters(request: Request) -> None:
    """Check the query parameters of a request. A dependency of every route.

    Raises:
        RequestValidationError: a parameter is unknown, or is given more than once without being a list.

    """
    known = _known(request)
    given = request.query_params
    mistakes = []
    for name in dict.fromkeys(given):
        if name not in known:
            close = get_close_matches(name, known, 1)
            hint = f"did you mean {close[0]}?" if close else f"there is {', '.join(sorted(known)) or 'none'}"
            mistakes.append((name, f"there is no such parameter here; {hint}"))
        elif not known[name] and len(given.getlist(name)) > 1:
            mistakes.append((name, "is given more than once; give it once"))
    if mistakes:
        raise RequestValidationError([{"loc": ("query", name), "msg": text} for name, text in mistakes])


def _known(request: Request) -> Mapping[str, bool]:
    """The parameters of the route by the OpenAPI description, and whether each may be repeated."""
    operation: Mapping[str, Any] = (
        request.app.openapi()["paths"].get(request.scope["route"].path, {}).get(request.method.lower(), {})
    )
    return {one["name"]: _is_list(one["schema"]) for one in operation.get("parameters", []) if one["in"] == "query"}


def _is_list(schema: Mapping[str, Any]) -> bool:
    return schema.get("type") == "array" or any(map(_is_list, schema.get("anyOf", [])))
