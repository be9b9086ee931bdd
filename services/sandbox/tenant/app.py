"""Puts a tenant's app together: call log outside, then faults, then the vendor's routes and the admin pages."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from services.sandbox.tenant.admin import Tenant, admin_mount
from services.sandbox.tenant.calls import CallMiddleware
from services.sandbox.tenant.faults import FaultMiddleware, Render

ExceptionHandlers = Mapping[Any, Callable[[Request, Exception], Response]]


def build_app(
    tenant: Tenant,
    routes: Sequence[BaseRoute],
    *,
    render: Render,
    admin_routes: Sequence[BaseRoute] = (),
    exception_handlers: ExceptionHandlers | None = None,
) -> Starlette:
    """The ASGI app of one tenant; the tenant itself is `app.state.tenant`.

    `render` makes the vendor's answer for a `status` fault without a body, `exception_handlers` are Starlette's
    (status code or exception class → response) and give 404 and 405 the vendor's shape.
    """
    app = Starlette(
        routes=[admin_mount(tenant, admin_routes), *routes],
        middleware=[
            Middleware(CallMiddleware, log=tenant.calls, routes=list(routes)),
            Middleware(FaultMiddleware, plan=tenant.faults, render=render),
        ],
        exception_handlers=dict(exception_handlers or {}),
    )
    app.state.tenant = tenant
    return app
