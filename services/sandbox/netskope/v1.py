"""The route that replaces a file hash list (API v1).

Netskope "Update a File Hash List": name, list and token in the body or in the query; the vendor's own client sends
them as JSON. Errors arrive with HTTP 200.
"""

from collections.abc import Mapping

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.sandbox.netskope.errors import v1_error
from services.sandbox.netskope.gate import Gate
from services.sandbox.netskope.tenant import EXPIRED_TOKEN, PENDING_LOCK, Tenant
from services.sandbox.tenant.admin import json_response


def v1_routes(tenant: Tenant, gate: Gate) -> list[Route]:
    """POST /api/v1/updateFileHashList."""

    async def update(request: Request) -> Response:
        fields = await _fields(request)
        tenant.auth.v1(fields.get("token"), expired=gate.due(EXPIRED_TOKEN, request))
        locked = gate.due(PENDING_LOCK, request)
        tenant.hash_lists.update(fields.get("name"), fields.get("list"), locked=locked)
        return json_response({"status": "success"})

    return [gate.v1("/api/v1/updateFileHashList", update, ["POST"])]


async def _fields(request: Request) -> Mapping[str, object]:
    query = dict(request.query_params)
    raw = await request.body()
    if not raw:
        return query
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise v1_error("Invalid Request", "request body is not valid JSON") from None
    if not isinstance(body, dict):
        raise v1_error("Invalid Request", "request body must be an object")
    return {**query, **body}
