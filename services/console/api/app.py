"""The FastAPI application: routes, access and error handlers."""

from importlib.metadata import version

from fastapi import Depends, FastAPI
from starlette.middleware.trustedhost import TrustedHostMiddleware

from schemas.vendors.registry import VENDORS
from services.console.api import connections, deadletters, errors, ingest, queries, readmodel, rejected, resources
from services.console.api.context import ApiContext
from services.console.api.parameters import check_parameters

_HERE = ["127.0.0.1", "localhost", "[::1]"]
_TENANTS = [vendor.title for vendor in VENDORS.values() if vendor.puller or vendor.pusher]


def create_app(context: ApiContext | None = None) -> FastAPI:
    """The application. Without a context it can only produce its OpenAPI description."""
    app = FastAPI(
        title="ioc-bridge",
        version=version("ioc-bridge"),
        summary=f"Moves indicators of compromise between {' and '.join(_TENANTS)}.",
        docs_url=None,  # the page loads scripts from other sites
        redoc_url=None,
    )
    app.state.context = context
    for part in (readmodel, queries, connections, resources, deadletters, rejected, ingest):
        app.include_router(part.router, dependencies=[Depends(check_parameters)])
    errors.add_to(app)
    if context is not None and context.token_file.is_open:
        # No token protects the API, so a page of another site must not reach it by DNS rebinding.
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=_HERE)
    return app
