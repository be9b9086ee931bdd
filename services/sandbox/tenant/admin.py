"""The admin pages every tenant mounts under `/_admin/`: to look at it, fill it, harm it and move its clock.

    GET    /_admin/truth     everything the tenant holds, as JSON
    POST   /_admin/seed      put rows in, as if someone else had
    GET    /_admin/faults    the armed faults and what fired · POST arms one or a list · DELETE (?id=) disarms
    GET    /_admin/calls     counts per method, route and status; admissions and refusals per quota bucket
    POST   /_admin/switches  change switches at run time · GET shows them
    POST   /_admin/clock     {"seconds": n} moves the tenant's clock forward · GET shows it
    POST   /_admin/reset     back to how it was created

They are never logged as calls, never harmed by faults, and need no token: a tenant listens on loopback.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

import orjson
from pydantic import BaseModel, JsonValue, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route

from services.sandbox.tenant.calls import ADMIN_PREFIX, CallLog
from services.sandbox.tenant.clock import TenantClock
from services.sandbox.tenant.faults import Fault, FaultPlan
from services.sandbox.tenant.quota import Windows


class Tenant(Protocol):
    """What the admin pages need of a tenant."""

    clock: TenantClock
    faults: FaultPlan
    quotas: Windows
    calls: CallLog

    @property
    def switches(self) -> BaseModel:
        """The switches as they are now."""

    def truth(self) -> Mapping[str, Any]:
        """Everything the tenant holds, ready for JSON."""

    def seed(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Put rows in; raises ValueError that says which field is wrong."""

    def switch(self, changes: Mapping[str, Any]) -> None:
        """Change switches; raises ValueError (pydantic's, too) and changes nothing when one is wrong."""

    def reset(self) -> None:
        """Back to how it was created, apart from what the admin pages reset themselves."""


def json_response(content: Any, status: int = 200) -> Response:  # noqa: ANN401  # any JSON
    """JSON, by the fast encoder: a truth of 15,000 rows is several megabytes."""
    return Response(orjson.dumps(content, option=orjson.OPT_NON_STR_KEYS), status, media_type="application/json")


async def admin_body(request: Request) -> Any:  # noqa: ANN401  # any JSON
    """The request's JSON; an empty body is an empty object. Raises ValueError when it is not JSON."""
    raw = await request.body()
    return orjson.loads(raw) if raw else {}


Handler = Callable[[Request], Awaitable[Response]]


def guarded(handler: Handler) -> Handler:
    """An admin page whose ValueErrors become 422 with the message."""

    async def page(request: Request) -> Response:
        try:
            return await handler(request)
        except ValidationError as error:
            return json_response({"errors": error.errors(include_url=False, include_context=False)}, 422)
        except ValueError as error:
            return json_response({"errors": [{"msg": str(error)}]}, 422)

    return page


def admin_mount(tenant: Tenant, extra: Sequence[BaseRoute] = ()) -> Mount:
    """The `/_admin` pages of this tenant; `extra` adds the vendor's own (paths relative to `/_admin`)."""
    pages = _Pages(tenant)
    routes: list[BaseRoute] = [
        Route("/truth", guarded(pages.truth), methods=["GET"]),
        Route("/seed", guarded(pages.seed), methods=["POST"]),
        Route("/faults", guarded(pages.faults), methods=["GET", "POST", "DELETE"]),
        Route("/calls", guarded(pages.calls), methods=["GET"]),
        Route("/switches", guarded(pages.switches), methods=["GET", "POST"]),
        Route("/clock", guarded(pages.clock), methods=["GET", "POST"]),
        Route("/reset", guarded(pages.reset), methods=["POST"]),
        *extra,
    ]
    return Mount(ADMIN_PREFIX, routes=routes)


class _Pages:
    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant

    async def truth(self, _: Request) -> Response:
        return json_response(self.tenant.truth())

    async def seed(self, request: Request) -> Response:
        body = await admin_body(request)
        if not isinstance(body, dict):
            raise ValueError("seed: the body must be an object")  # noqa: TRY004  # ValueError is the 422 of these pages
        return json_response(self.tenant.seed(body))

    async def faults(self, request: Request) -> Response:
        plan = self.tenant.faults
        if request.method == "POST":
            body = await admin_body(request)
            faults = [Fault.model_validate(entry) for entry in (body if isinstance(body, list) else [body])]
            return json_response({"ids": [plan.add(fault) for fault in faults]}, 201)
        if request.method == "DELETE":
            number = request.query_params.get("id")
            plan.clear(int(number) if number is not None else None)
        return json_response({"faults": plan.listed(), "fired": dict(plan.fired)})

    async def calls(self, _: Request) -> Response:
        log, quotas = self.tenant.calls, self.tenant.quotas
        counts: list[dict[str, JsonValue]] = [
            {"method": method, "route": route, "status": status, "count": count}
            for (method, route, status), count in sorted(log.counts.items())
        ]
        content = {
            "calls": counts,
            "recent": list(log.recent),
            "admitted": dict(quotas.admitted),
            "refusals": dict(quotas.refusals),
        }
        return json_response(content)

    async def switches(self, request: Request) -> Response:
        if request.method == "POST":
            self.tenant.switch(await admin_body(request))
        return json_response(self.tenant.switches.model_dump(mode="json"))

    async def clock(self, request: Request) -> Response:
        if request.method == "POST":
            seconds = (await admin_body(request)).get("seconds")
            if not isinstance(seconds, int | float):
                raise ValueError("seconds: a number of seconds to move the clock forward is needed")
            self.tenant.clock.advance(seconds)
        return json_response({"time": self.tenant.clock.time(), "now": self.tenant.clock.now().isoformat()})

    async def reset(self, _: Request) -> Response:
        for part in (self.tenant.faults, self.tenant.quotas, self.tenant.calls, self.tenant.clock, self.tenant):
            part.reset()
        return json_response({"reset": True})
