"""Routes of URL lists and destination profiles.

Netskope "URL Lists" (REST API v2): a deploy takes no body. Whether the alternative `/api/v2/policy/deploy` exists is
a switch; the bodies of deploy and delete answers are unconfirmed, so is how a file of lists is uploaded.
"""

from email import message_from_bytes, policy

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.sandbox.netskope import auth
from services.sandbox.netskope.errors import UNKNOWN_ROUTE, bad_request, gateway
from services.sandbox.netskope.gate import Gate, json_body
from services.sandbox.netskope.tenant import PENDING_LOCK, POLICY_BUCKET, Tenant
from services.sandbox.tenant.admin import json_response


def policy_routes(tenant: Tenant, gate: Gate) -> list[Route]:
    """Every route under /api/v2/policy and /api/v2/profiles."""
    lists, profiles = _UrlListRoutes(tenant), _ProfileRoutes(tenant, gate)
    one, bucket = f"{auth.URL_LISTS}/{{list_id:int}}", POLICY_BUCKET
    profile = f"{auth.PROFILES}/{{profile_id}}"
    return [
        gate.v2(auth.URL_LISTS, lists.listing, auth.URL_LISTS, ["GET"], bucket=bucket),
        gate.v2(auth.URL_LISTS, lists.create, auth.URL_LISTS, ["POST"], bucket=bucket),
        gate.v2(auth.URL_LISTS_FILE, lists.upload, auth.URL_LISTS_FILE, ["POST"], bucket=bucket),
        gate.v2(auth.URL_LISTS_DEPLOY, lists.deploy, auth.URL_LISTS_DEPLOY, ["POST"], bucket=bucket),
        gate.v2(auth.POLICY_DEPLOY, lists.policy_deploy, auth.POLICY_DEPLOY, ["POST"], bucket=bucket),
        gate.v2(one, lists.get, auth.URL_LISTS, ["GET"], bucket=bucket),
        gate.v2(one, lists.put, auth.URL_LISTS, ["PUT"], bucket=bucket),
        gate.v2(one, lists.delete, auth.URL_LISTS, ["DELETE"], bucket=bucket),
        gate.v2(f"{one}/{{action}}", lists.patch, auth.URL_LISTS, ["PATCH"], bucket=bucket),
        gate.v2(auth.PROFILES, profiles.listing, auth.PROFILES, ["GET"], bucket=bucket),
        gate.v2(auth.PROFILES, profiles.create, auth.PROFILES, ["POST"], bucket=bucket),
        gate.v2(auth.PROFILES_DEPLOY, profiles.deploy, auth.PROFILES_DEPLOY, ["POST"], bucket=bucket),
        gate.v2(profile, profiles.patch, auth.PROFILES, ["PATCH"], bucket=bucket),
        gate.v2(f"{profile}/values", profiles.patch_values, auth.PROFILES, ["PATCH"], bucket=bucket),
    ]


class _UrlListRoutes:
    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    async def listing(self, request: Request, _: str) -> Response:
        query = request.query_params
        return json_response(self._tenant.url_lists.listing(query.get("field"), query.get("pending")))

    async def create(self, request: Request, by: str) -> Response:
        row = self._tenant.url_lists.create(await self._body(request), by)
        return json_response(row, self._tenant.switches.write_status)

    async def upload(self, request: Request, by: str) -> Response:
        """A file of configurations: a JSON array (or one object), as the body or as its first multipart part."""
        body = await self._file(request)
        rows = self._tenant.url_lists.create_many(body if isinstance(body, list) else [body], by)
        return json_response(rows, self._tenant.switches.write_status)

    async def get(self, request: Request, _: str) -> Response:
        return json_response(self._tenant.url_lists.get(_id(request)))

    async def put(self, request: Request, by: str) -> Response:
        return json_response(self._tenant.url_lists.put(_id(request), await self._body(request), by))

    async def patch(self, request: Request, by: str) -> Response:
        body, action = await self._body(request), request.path_params["action"]
        row = self._tenant.url_lists.patch(_id(request), action, body, by)
        return json_response(row, self._tenant.switches.write_status)

    async def delete(self, request: Request, by: str) -> Response:
        return json_response(self._tenant.url_lists.delete(_id(request), by))

    async def deploy(self, _request: Request, _: str) -> Response:
        self._tenant.url_lists.deploy()
        return json_response({"status": "success"})

    async def policy_deploy(self, _request: Request, _: str) -> Response:
        if not self._tenant.switches.policy_deploy:
            raise gateway(404, UNKNOWN_ROUTE)
        self._tenant.apply_changes()
        return json_response({"status": "success"})

    async def _body(self, request: Request) -> object:
        return await json_body(request, self._tenant.settings.url_list_bytes, self._tenant.switches.oversize_status)

    async def _file(self, request: Request) -> object:
        content_type = request.headers.get("content-type", "")
        if not content_type.startswith("multipart/form-data"):
            return await self._body(request)
        raw = await request.body()
        if len(raw) > self._tenant.settings.url_list_bytes:
            raise bad_request("file is too large", self._tenant.switches.oversize_status)
        head = f"Content-Type: {content_type}\r\n\r\n".encode()
        parts = message_from_bytes(head + raw, policy=policy.HTTP).iter_parts()
        content = next((part.get_payload(decode=True) for part in parts), b"")
        try:
            body: object = orjson.loads(content if isinstance(content, bytes) else b"")
        except orjson.JSONDecodeError:
            raise bad_request("file is not valid JSON") from None
        return body


class _ProfileRoutes:
    def __init__(self, tenant: Tenant, gate: Gate) -> None:
        self._tenant = tenant
        self._gate = gate

    async def listing(self, request: Request, _: str) -> Response:
        query = request.query_params
        page = self._tenant.profiles.listing(query.get("fields"), query.get("offset"), query.get("limit"))
        return json_response(page)

    async def create(self, request: Request, by: str) -> Response:
        row = self._tenant.profiles.create(await self._body(request), by)
        return json_response(row, self._tenant.switches.write_status)

    async def patch(self, request: Request, _: str) -> Response:
        body, locked = await self._body(request), self._gate.due(PENDING_LOCK, request)
        row = self._tenant.profiles.patch(request.path_params["profile_id"], body, locked=locked)
        return json_response(row, self._tenant.switches.write_status)

    async def patch_values(self, request: Request, _: str) -> Response:
        body, locked = await self._body(request), self._gate.due(PENDING_LOCK, request)
        row = self._tenant.profiles.patch_values(request.path_params["profile_id"], body, locked=locked)
        return json_response(row, self._tenant.switches.write_status)

    async def deploy(self, request: Request, _: str) -> Response:
        return json_response(self._tenant.profiles.deploy(await self._body(request)))

    async def _body(self, request: Request) -> object:
        return await json_body(request, self._tenant.settings.profile_bytes, self._tenant.switches.oversize_status)


def _id(request: Request) -> int:
    return int(request.path_params["list_id"])
