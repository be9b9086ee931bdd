"""The indicators API over HTTP: who may call, how often, and what the answers look like.

Order of refusals: token (401), role (403), quota (429), then the request itself. Every route exists unversioned and
under `/api/v1.0`. Sources: Microsoft, "List Indicators", "Submit or Update Indicator", "Import Indicators", "Delete
Indicator", "Batch Delete Indicators" API pages; reading one by id is undocumented and seen in connectors.
"""

from collections.abc import Awaitable, Callable

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.sandbox.defender.auth import Caller
from services.sandbox.defender.binding import bind, required_list
from services.sandbox.defender.errors import ApiError, Code, invalid_body, not_found
from services.sandbox.defender.faults import DefenderFault, shown
from services.sandbox.defender.importing import run_import
from services.sandbox.defender.listing import Query, ordered, page, render
from services.sandbox.defender.rows import Row
from services.sandbox.defender.settings import SCORE, TI_ALL, TI_OWN
from services.sandbox.defender.switches import Bucket
from services.sandbox.defender.tenant import Defender
from services.sandbox.defender.validate import validate
from services.sandbox.tenant.calls import target_of
from services.sandbox.tenant.faults import Fault

Handler = Callable[[Request], Awaitable[Response]]
_HEADERS = {"OData-Version": "4.0"}
_MEDIA_TYPE = "application/json; odata.metadata=minimal; odata.streaming=true"
_MAX_DELETE_MESSAGE = "Maximum batch size exceeded. Received: {}, allowed: {}."


class IndicatorRoutes:
    """The handlers of one tenant."""

    def __init__(self, tenant: Defender) -> None:
        self.tenant = tenant

    def routes(self) -> list[Route]:
        """All routes, unversioned and pinned to v1.0."""
        table: list[tuple[str, str, Handler]] = [
            ("GET", "/indicators", self.list_all),
            ("POST", "/indicators", self.submit),
            ("POST", "/indicators/import", self.import_many),
            ("POST", "/indicators/BatchDelete", self.delete_many),
            ("GET", "/indicators/{id}", self.read),
            ("DELETE", "/indicators/{id}", self.delete),
            ("GET", "/exposureScore/ByMachineGroups", self.machine_groups),
        ]
        return [
            Route(prefix + path, handler, methods=[method])
            for prefix in ("/api", "/api/v1.0")
            for method, path, handler in table
        ]

    async def list_all(self, request: Request) -> Response:
        """All active rows the caller may see, filtered and paged."""
        caller = self._admit(request, Bucket.LIST)
        switches = self.tenant.switches
        query = Query.parse(request.scope["query_string"].decode("latin-1"), switches)
        rows, following = page(ordered(self.tenant.indicators.visible(caller), switches), query, switches)
        fault = self._due(DefenderFault.UNKNOWN_ENUM, request)
        entities = (shown(fault, position, row) for position, row in enumerate(rows))
        link = None if following is None else f"{request.base_url}{request.url.path.lstrip('/')}?{following}"
        return _answer(render(_context(request), entities, link))

    async def read(self, request: Request) -> Response:
        """One row, without a wrapper."""
        caller = self._admit(request, Bucket.LIST)
        row_id = request.path_params["id"]
        row = self.tenant.indicators.find(row_id, caller)
        if row is None:
            raise not_found(row_id)
        return _entity(request, row)

    async def submit(self, request: Request) -> Response:
        """Create or update one row: 200 either way."""
        caller = self._admit(request, Bucket.SUBMIT, write=True)
        tenant = self.tenant
        bound = bind(await _json(request), tenant.switches)
        draft = validate(bound, tenant.switches, tenant.indicators.now())
        twin = self._due(DefenderFault.DUPLICATE_IDS, request) is not None
        return _entity(request, tenant.indicators.upsert(draft, caller, self._capacity(request), twin=twin))

    async def import_many(self, request: Request) -> Response:
        """Submit up to 500 rows."""
        caller = self._admit(request, Bucket.IMPORT, write=True)
        body = await _json(request)
        results = run_import(
            self.tenant,
            body,
            caller,
            self._capacity(request),
            partial=self._due(DefenderFault.PARTIAL_BATCH, request),
            twin=self._due(DefenderFault.DUPLICATE_IDS, request) is not None,
        )
        status = 202 if not results and self.tenant.switches.empty_import == "accept_202" else 200
        context = f"{request.base_url}api/$metadata#Collection(microsoft.windowsDefenderATP.api.ImportIndicatorResult)"
        wrapper = {"@odata.context": context} if self.tenant.switches.import_context else {}
        return _answer(orjson.dumps({**wrapper, "value": results}), status)

    async def delete(self, request: Request) -> Response:
        """Delete one row: 204, or 404."""
        caller = self._admit(request, Bucket.DELETE, write=True)
        row_id = request.path_params["id"]
        row = self.tenant.indicators.find(_checked_id(row_id), caller)
        if row is None:
            raise not_found(row_id)
        _exposed([row], caller)
        self.tenant.indicators.delete([row])
        return Response(status_code=204)

    async def delete_many(self, request: Request) -> Response:
        """Delete up to 500 rows: 204 only when all of them existed."""
        caller = self._admit(request, Bucket.BATCH_DELETE, write=True)
        switches, indicators = self.tenant.switches, self.tenant.indicators
        ids = required_list(await _json(request), "IndicatorIds")
        if not ids:
            raise ApiError(Code.INVALID_INPUT, "Invalid input: IndicatorIds is empty.")
        if len(ids) > switches.max_batch_delete:
            message = _MAX_DELETE_MESSAGE.format(len(ids), switches.max_batch_delete)
            raise ApiError(Code.MAXIMUM_BATCH_SIZE_EXCEEDED, message)
        found = {row_id: indicators.find(_checked_id(row_id), caller) for row_id in ids}
        rows = [row for row in found.values() if row is not None]
        _exposed(rows, caller)
        unknown = [row_id for row_id, row in found.items() if row is None]
        if not unknown or not switches.batch_delete_atomic:
            indicators.delete(rows)
        if unknown:
            raise not_found(", ".join(unknown))
        return Response(status_code=204)

    async def machine_groups(self, request: Request) -> Response:
        """The device groups, for resolving names to ids (seen in connectors; needs a role of its own)."""
        self._admit(request, Bucket.LIST, roles=frozenset({SCORE}))
        query = Query.parse(request.scope["query_string"].decode("latin-1"), self.tenant.switches)
        groups = list(self.tenant.settings.machine_groups)[query.skip :][: query.top]
        value = [{"rbacGroupId": group.id, "rbacGroupName": group.name} for group in groups]
        context = f"{request.base_url}api/$metadata#ExposureScore"
        return _answer(orjson.dumps({"@odata.context": context, "value": value}))

    def _admit(
        self, request: Request, bucket: Bucket, *, write: bool = False, roles: frozenset[str] | None = None
    ) -> Caller:
        tenant, switches = self.tenant, self.tenant.switches
        if self._due(DefenderFault.EXPIRE_TOKENS, request):
            tenant.directory.revoke_all()
        caller = tenant.directory.verify(request.headers.get("Authorization"))
        if not switches.feature_enabled:
            raise ApiError(Code.DISABLED_FEATURE, "Tenant feature isn't enabled.")
        needed = roles or frozenset({TI_ALL} if write and switches.write_needs_all else {TI_ALL, TI_OWN})
        if not needed & caller.roles:
            message = f"The application does not have any of the required permissions ({', '.join(sorted(needed))})."
            raise ApiError(Code.FORBIDDEN, message)
        decision = tenant.quotas.take(str(bucket), caller.app_id if switches.quota_scope == "app" else "")
        if not decision.allowed:
            message = f"Quota limit of {decision.limit} calls reached; retry after {decision.retry_after} seconds."
            raise ApiError(Code.TOO_MANY_REQUESTS, message, retry_after=decision.retry_after)
        longest = switches.max_request_line
        if longest is not None and len(request.scope["raw_path"]) + len(request.scope["query_string"]) > longest:
            raise ApiError(Code.BAD_REQUEST, "The request URI is too long.", status=414)
        return caller

    def _due(self, kind: DefenderFault, request: Request) -> Fault | None:
        return self.tenant.faults.take(kind, request.method, target_of(request.scope))

    def _capacity(self, request: Request) -> int:
        fault = self._due(DefenderFault.CAPACITY, request)
        if fault is None:
            return self.tenant.switches.capacity
        limit = fault.params.get("limit")
        return limit if isinstance(limit, int) else self.tenant.indicators.active


async def _json(request: Request) -> object:
    if request.headers.get("Content-Type", "").partition(";")[0].strip().lower() != "application/json":
        raise invalid_body("Content-Type must be application/json")
    try:
        body: object = orjson.loads(await request.body())
    except orjson.JSONDecodeError as error:
        raise invalid_body("it is not JSON") from error
    return body


def _checked_id(row_id: object) -> str:
    if not isinstance(row_id, str) or not (row_id.isascii() and row_id.isdigit()):
        raise ApiError(Code.INVALID_INPUT, f"Invalid input {row_id}: not an indicator id.")
    return row_id


def _exposed(rows: list[Row], caller: Caller) -> None:
    for row in rows:
        groups = frozenset(row.entity["rbacGroupNames"])
        if caller.device_groups is not None and not groups <= caller.device_groups:
            raise ApiError(Code.FORBIDDEN, f"The application is not exposed to the device groups of {row.id}.")
        if row.read_only:
            raise ApiError(Code.DISALLOWED_OPERATION, f"Indicator {row.id} of type WebCategory is read-only.")


def _context(request: Request) -> str:
    return f"{request.base_url}api/$metadata#Indicators"


def _entity(request: Request, row: Row) -> Response:
    context = orjson.dumps(_context(request) + "/$entity")
    return _answer(b'{"@odata.context":' + context + b"," + row.json[1:])


def _answer(body: bytes, status: int = 200) -> Response:
    return Response(body, status, _HEADERS, media_type=_MEDIA_TYPE)
