"""The ASGI app of one stand-in Netskope tenant, with two admin pages of its own beside the common ones.

DELETE /_admin/alerts?before=<epoch seconds>   retention: forgets older records (all of them without `before`)
POST   /_admin/apply                           the console's "Apply Changes": everything that waits is applied
"""

from http import HTTPStatus

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.sandbox.netskope.errors import RATE_EXCEEDED, UNKNOWN_ROUTE
from services.sandbox.netskope.exports import export_routes
from services.sandbox.netskope.gate import Gate
from services.sandbox.netskope.policy import policy_routes
from services.sandbox.netskope.settings import NetskopeTenant
from services.sandbox.netskope.tenant import Tenant
from services.sandbox.netskope.v1 import v1_routes
from services.sandbox.tenant.admin import guarded, json_response
from services.sandbox.tenant.app import build_app
from services.sandbox.tenant.clock import TenantClock
from services.sandbox.tenant.faults import Fault


def create_app(settings: NetskopeTenant, clock: TenantClock | None = None) -> Starlette:
    """One tenant as an app; its state is `app.state.tenant`, its admin pages are under `/_admin/`."""
    tenant = Tenant(settings, clock or TenantClock())
    gate = Gate(tenant)
    app = build_app(
        tenant,
        [*export_routes(tenant, gate), *policy_routes(tenant, gate), *v1_routes(tenant, gate)],
        render=_render,
        admin_routes=_admin_routes(tenant),
        exception_handlers={404: _unknown_route, 405: _unknown_route},
    )
    app.router.redirect_slashes = False
    return app


def _admin_routes(tenant: Tenant) -> list[Route]:
    async def expire(request: Request) -> Response:
        before = request.query_params.get("before")
        return json_response({"removed": tenant.expire_alerts(int(before) if before else None)})

    async def apply(_: Request) -> Response:
        return json_response(tenant.apply_changes())

    return [
        Route("/alerts", guarded(expire), methods=["DELETE"]),
        Route("/apply", guarded(apply), methods=["POST"]),
    ]


def _unknown_route(_: Request, __: Exception) -> Response:
    # The gateway matches methods, too: a wrong one is a route it does not have (unconfirmed).
    return json_response({"message": UNKNOWN_ROUTE}, 404)


def _render(fault: Fault) -> Response:
    if fault.code == HTTPStatus.TOO_MANY_REQUESTS:
        response = json_response({"message": RATE_EXCEEDED}, fault.code)
        response.headers["Retry-After"] = "1"
        return response
    try:
        text = HTTPStatus(fault.code).phrase
    except ValueError:
        text = "error"
    return json_response({"message": text}, fault.code)
