"""What every request passes before its handler: allowlist, token, quota; and what every answer carries.

Invariants: the token comes before the quota and a refused request spends none of it; every answer has an
`x-request-id`, every v2 answer past the token the `RateLimit-*` headers, every 429 a `Retry-After` in whole seconds
(Netskope "REST API v2 Overview").
"""

import math
from collections.abc import Awaitable, Callable
from uuid import uuid4

import orjson
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.sandbox.netskope.auth import HEADER
from services.sandbox.netskope.errors import RATE_EXCEEDED, RefusedError, bad_request, gateway
from services.sandbox.netskope.tenant import EXPIRED_TOKEN, V1_BUCKET, Tenant
from services.sandbox.tenant.admin import json_response
from services.sandbox.tenant.calls import target_of

V2Handler = Callable[[Request, str], Awaitable[Response]]
V1Handler = Callable[[Request], Awaitable[Response]]


class Gate:
    """Makes routes of handlers. A v2 handler also gets the name of the token that asks."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    def v2(
        self, path: str, handler: V2Handler, endpoint: str, methods: list[str], *, bucket: str, key: str = ""
    ) -> Route:
        """A route under the v2 token's access to `endpoint` and the quota `bucket` (counted per `key`)."""

        async def page(request: Request) -> Response:
            headers: dict[str, str] = {}
            try:
                self._check_client(request)
                expired = self.due(EXPIRED_TOKEN, request)
                by = self._tenant.auth.v2(request.headers.get(HEADER), endpoint, request.method, expired=expired)
                self._spend(bucket, key, headers)
                response = await handler(request, by)
            except RefusedError as refused:
                response = json_response(refused.body, refused.status)
            return _finished(response, headers)

        return _route(path, page, methods)

    def v1(self, path: str, handler: V1Handler, methods: list[str]) -> Route:
        """A route of API v1; its handler finds the token itself, in the body or the query."""

        async def page(request: Request) -> Response:
            headers: dict[str, str] = {}
            try:
                self._check_client(request)
                self._spend(V1_BUCKET, "", headers)
                response = await handler(request)
            except RefusedError as refused:
                response = json_response(refused.body, refused.status)
            return _finished(response, headers)

        return _route(path, page, methods)

    def due(self, kind: str, request: Request) -> bool:
        """Whether the vendor fault of this kind is to be shown for this call."""
        return self._tenant.faults.take(kind, request.method, target_of(request.scope)) is not None

    def _check_client(self, request: Request) -> None:
        allowed = self._tenant.settings.allowed_clients
        if allowed is not None and (request.client is None or request.client.host not in allowed):
            raise gateway(403, "Your IP address is not allowed")

    def _spend(self, bucket: str, key: str, headers: dict[str, str]) -> None:
        decision = self._tenant.quotas.take(bucket, key)
        headers["RateLimit-Limit"] = str(decision.limit)
        headers["RateLimit-Remaining"] = str(decision.remaining)
        headers["RateLimit-Reset"] = str(math.ceil(decision.reset))
        if not decision.allowed:
            headers["Retry-After"] = str(decision.retry_after)
            raise gateway(429, RATE_EXCEEDED)


async def json_body(request: Request, limit_bytes: int, oversize_status: int = 400) -> object:
    """The body as JSON. Raises RefusedError when it is above the limit or no JSON."""
    raw = await request.body()
    if len(raw) > limit_bytes:
        raise bad_request(f"request body exceeds {limit_bytes} bytes", oversize_status)
    try:
        body: object = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise bad_request("request body is not valid JSON") from None
    return body


def _finished(response: Response, headers: dict[str, str]) -> Response:
    response.headers.update(headers)
    response.headers["x-request-id"] = uuid4().hex
    return response


def _route(path: str, page: V1Handler, methods: list[str]) -> Route:
    # Compressed here, inside the faults, so that a cut body is a cut of what would have been sent.
    return Route(path, page, methods=methods, middleware=[Middleware(GZipMiddleware, compresslevel=1)])
