"""Answers as JSON, written at once: what the read model says is plain data already and need not be checked again."""

from typing import Any

import orjson
from fastapi import Response


def answer(found: Any, code: int = 200) -> Response:  # noqa: ANN401  # JSON
    """A response of this content."""
    return Response(orjson.dumps(found), code, media_type="application/json")
