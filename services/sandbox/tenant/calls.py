"""The log of calls to a tenant: counts per method, route and status, and details of the latest calls.

Admin calls are not logged. A call whose connection a fault dropped before any status was sent counts as `dropped`.
"""

from collections import Counter, deque
from collections.abc import Sequence
from typing import TypedDict

from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.sandbox.tenant.clock import TenantClock

ADMIN_PREFIX = "/_admin"
DROPPED = "dropped"


def is_admin(scope: Scope) -> bool:
    """Whether this is one of the tenant's own admin pages."""
    path: str = scope["path"]
    return path == ADMIN_PREFIX or path.startswith(ADMIN_PREFIX + "/")


class Call(TypedDict):
    """One call: tenant time in epoch seconds, HTTP status or `dropped`."""

    time: float
    method: str
    target: str
    route: str
    status: str


class CallLog:
    """Counts for ever, details of the latest `keep` calls."""

    def __init__(self, clock: TenantClock, keep: int = 1000) -> None:
        self.counts: Counter[tuple[str, str, str]] = Counter()
        self.recent: deque[Call] = deque(maxlen=keep)
        self._clock = clock

    def record(self, method: str, target: str, route: str, status: str) -> None:
        """Add one finished call."""
        self.counts[method, route, status] += 1
        self.recent.append(
            Call(time=self._clock.time(), method=method, target=target, route=route, status=status),
        )

    def reset(self) -> None:
        """Forget everything."""
        self.counts.clear()
        self.recent.clear()


def target_of(scope: Scope) -> str:
    """Path and query string as one text, percent-encoding of the query left as sent."""
    query = scope.get("query_string", b"").decode("latin-1")
    return f"{scope['path']}?{query}" if query else scope["path"]


class CallMiddleware:
    """Records every call that is not an admin call. Pure ASGI, outermost."""

    def __init__(self, app: ASGIApp, log: CallLog, routes: Sequence[BaseRoute]) -> None:
        self.app = app
        self.log = log
        self.routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the call on and record its answer."""
        if scope["type"] != "http" or is_admin(scope):
            await self.app(scope, receive, send)
            return
        status = DROPPED

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
            await send(message)

        method, target, route = scope["method"], target_of(scope), self._route_of(scope)
        try:
            await self.app(scope, receive, noting)
        finally:
            self.log.record(method, target, route, status)

    def _route_of(self, scope: Scope) -> str:
        for route in self.routes:
            if isinstance(route, Route) and route.matches(scope)[0] is not Match.NONE:
                return route.path
        path: str = scope["path"]
        return path
