"""Plain data as JSON responses, without validation: rows of the read model need none."""

from typing import Any

import orjson
from fastapi import Response


def answer(found: Any, code: int = 200) -> Response:  # noqa: ANN401  # JSON
    """A JSON response with this content."""
    return Response(orjson.dumps(found), code, media_type="application/json")
