"""The ASGI app of one tenant: token endpoints, API, and its own admin pages beside the common ones.

PATCH  /_admin/rows/{id}     someone else's edit: fields of the entity, unchecked · `editor` names who
DELETE /_admin/rows/{id}     someone else's deletion
POST   /_admin/rows/delete   the same for `ids`, `values`, `createdBy`, or `all`
"""

from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.sandbox.defender.errors import ApiError, status_response
from services.sandbox.defender.routes import IndicatorRoutes
from services.sandbox.defender.rows import DEFAULTS, Row
from services.sandbox.defender.settings import DefenderTenant
from services.sandbox.defender.tenant import Defender
from services.sandbox.defender.token_errors import TokenError
from services.sandbox.tenant.admin import admin_body, guarded, json_response
from services.sandbox.tenant.app import build_app
from services.sandbox.tenant.clock import TenantClock


def create_app(settings: DefenderTenant | None = None, clock: TenantClock | None = None) -> Starlette:
    """One tenant, empty. `app.state.tenant` is its `Defender`."""
    tenant = Defender(settings or DefenderTenant(), clock or TenantClock())
    tokens, rows = _TokenRoutes(tenant), _AdminRows(tenant)
    return build_app(
        tenant,
        [*tokens.routes(), *IndicatorRoutes(tenant).routes()],
        render=lambda fault: status_response(fault.code),
        admin_routes=rows.routes(),
        exception_handlers={ApiError: _api_error, HTTPException: _http_error},
    )


def _api_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return error.response()


def _http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return status_response(error.status_code)


class _TokenRoutes:
    def __init__(self, tenant: Defender) -> None:
        self.tenant = tenant

    def routes(self) -> list[Route]:
        return [
            Route("/{tenant}/oauth2/v2.0/token", self.token, methods=["POST"]),
            Route("/{tenant}/oauth2/token", self.token, methods=["POST"]),
        ]

    async def token(self, request: Request) -> Response:
        """Client credentials; the path tells which version of the endpoint."""
        directory = self.tenant.directory
        issue = directory.token_v2 if "/v2.0/" in request.url.path else directory.token_v1
        is_form = request.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded")
        text = (await request.body()).decode("utf-8", "replace") if is_form else ""
        try:
            content = issue(request.path_params["tenant"], dict(parse_qsl(text)), str(request.base_url).rstrip("/"))
        except TokenError as error:
            return JSONResponse(error.body(self.tenant.clock), error.status, {"Cache-Control": "no-store"})
        return JSONResponse(content, headers={"Cache-Control": "no-store"})


class _AdminRows:
    def __init__(self, tenant: Defender) -> None:
        self.tenant = tenant

    def routes(self) -> list[Route]:
        return [
            Route("/rows/delete", guarded(self.delete_many), methods=["POST"]),
            Route("/rows/{id}", guarded(self.one), methods=["PATCH", "DELETE"]),
        ]

    async def one(self, request: Request) -> Response:
        indicators = self.tenant.indicators
        row = indicators.rows.get(request.path_params["id"])
        if row is None:
            return json_response({"errors": [{"msg": "id: no such row"}]}, 404)
        if request.method == "DELETE":
            indicators.delete([row])
            return json_response({"deleted": [row.id]})
        changes = dict(await admin_body(request))
        editor = str(changes.pop("editor", self.tenant.settings.portal_user))
        unknown = changes.keys() - DEFAULTS.keys()
        if unknown:
            raise ValueError(f"{', '.join(sorted(unknown))}: no such field")
        indicators.edit(row, changes, editor)
        return json_response(row.entity)

    async def delete_many(self, request: Request) -> Response:
        body = await admin_body(request)
        if not body.keys() & {"ids", "values", "createdBy", "all"}:
            raise ValueError("ids, values, createdBy or all: one of them is needed")

        def meant(row: Row) -> bool:
            return (
                row.id in body.get("ids", ())
                or row.entity["indicatorValue"] in body.get("values", ())
                or ("createdBy" in body and row.entity["createdBy"] == body["createdBy"])
                or bool(body.get("all"))
            )

        rows = [row for row in self.tenant.indicators.rows.values() if meant(row)]
        self.tenant.indicators.delete(rows)
        return json_response({"deleted": [row.id for row in rows]})
