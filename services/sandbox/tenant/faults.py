"""Faults that a tenant can simulate, and the middleware for those that any HTTP server can have.

Generic kinds work for every route. A vendor's own kinds are names the tenant declares and its handlers ask for.
A seeded generator per fault decides whether it fires, so a run can be repeated exactly; what fired is counted.
"""

import asyncio
import random
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.sandbox.tenant.calls import is_admin, target_of
from services.sandbox.tenant.connection import drop


class FaultKind(StrEnum):
    """The generic kinds."""

    LATENCY = "latency"
    """Wait `seconds`, then go on (and show another fault, if one is due)."""
    STATUS = "status"
    """Answer `code` with `body` and, when given, a `Retry-After` header; with `commit` the handler ran before."""
    RESET_BEFORE = "reset_before"
    """The connection is reset and the handler did not run."""
    RESET_AFTER = "reset_after"
    """The handler ran and committed, then the connection is reset without an answer."""
    CUT = "cut"
    """The handler ran; half of its body is sent, less than the declared length (or no last chunk, with `chunked`)."""
    EMPTY = "empty"
    """The handler ran; 200 with no body at all."""
    MALFORMED = "malformed"
    """The handler ran; well-formed HTTP whose JSON stops half-way."""


class Fault(BaseModel):
    """One fault to show. `path` is a regular expression searched in the path with its query string."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str
    method: str | None = None
    path: str = ""
    times: int | None = Field(default=None, ge=1)
    """How often it fires; None = until cleared."""
    skip: int = Field(default=0, ge=0)
    """How many matching calls pass unharmed first."""
    probability: float = Field(default=1.0, ge=0.0, le=1.0)
    seed: int = 0
    seconds: float = Field(default=0.0, ge=0.0)
    code: int = Field(default=500, ge=200, le=599)
    body: JsonValue = None
    """For `status`: JSON, or text when it is a string; None = what the vendor answers with that status."""
    retry_after: int | str | None = None
    """Value of the `Retry-After` header, in seconds or verbatim."""
    commit: bool = False
    chunked: bool = False
    params: dict[str, JsonValue] = Field(default_factory=dict)
    """What a vendor's own kind needs to know."""

    @field_validator("path")
    @classmethod
    def _compiles(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        return value

    @field_validator("method")
    @classmethod
    def _upper(cls, value: str | None) -> str | None:
        return value.upper() if value else None


_GENERIC: frozenset[str] = frozenset(FaultKind)


class UnknownFaultKindError(ValueError):
    """The tenant has no fault of that kind."""


@dataclass
class _Armed:
    number: int
    fault: Fault
    dice: random.Random
    seen: int = 0
    fired: int = 0
    pattern: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        self.pattern = re.compile(self.fault.path)

    def fires(self, method: str, target: str) -> bool:
        fault = self.fault
        if fault.times is not None and self.fired >= fault.times:
            return False
        if (fault.method and fault.method != method) or not self.pattern.search(target):
            return False
        self.seen += 1
        if self.seen <= fault.skip or self.dice.random() >= fault.probability:
            return False
        self.fired += 1
        return True


class FaultPlan:
    """The faults armed now, in the order they were added."""

    def __init__(self, vendor_kinds: Iterable[str] = ()) -> None:
        self.kinds = _GENERIC | frozenset(vendor_kinds)
        self.fired: Counter[str] = Counter()
        self._armed: list[_Armed] = []
        self._added = 0

    def add(self, fault: Fault) -> int:
        """Arm a fault; returns its number. Raises UnknownFaultKindError."""
        if fault.kind not in self.kinds:
            raise UnknownFaultKindError(f"kind: {fault.kind!r} is none of {', '.join(sorted(self.kinds))}")
        self._added += 1
        self._armed.append(_Armed(self._added, fault, random.Random(fault.seed)))  # noqa: S311  # repeatable on purpose
        return self._added

    def clear(self, number: int | None = None) -> None:
        """Disarm one fault, or all. The counts of what fired stay."""
        self._armed = [armed for armed in self._armed if number is not None and armed.number != number]

    def reset(self) -> None:
        """Disarm all and forget what fired."""
        self.clear()
        self.fired.clear()

    def take_generic(self, method: str, target: str) -> list[Fault]:
        """The generic faults for this call: any number of latencies, then at most one other. They count as fired."""
        taken = []
        for armed in self._armed:
            if armed.fault.kind not in _GENERIC or not armed.fires(method, target):
                continue
            self.fired[armed.fault.kind] += 1
            taken.append(armed.fault)
            if armed.fault.kind != FaultKind.LATENCY:
                break
        return taken

    def take(self, kind: str, method: str, target: str) -> Fault | None:
        """Return the vendor's own fault of this kind due for this call, if any. It counts as fired."""
        for armed in self._armed:
            if armed.fault.kind == kind and armed.fires(method, target):
                self.fired[kind] += 1
                return armed.fault
        return None

    def listed(self) -> list[dict[str, JsonValue]]:
        """Every armed fault with its number and how often it fired."""
        return [
            {"id": armed.number, "fired": armed.fired, **armed.fault.model_dump(mode="json")} for armed in self._armed
        ]


Render = Callable[[Fault], Response]
"""Makes the vendor's answer for a `status` fault that has no body of its own."""


class FaultMiddleware:
    """Shows the generic faults. Pure ASGI, outside the vendor's routes; admin calls are never harmed."""

    def __init__(self, app: ASGIApp, plan: FaultPlan, render: Render) -> None:
        self.app = app
        self.plan = plan
        self.render = render

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the call on, harmed or not."""
        if scope["type"] != "http" or is_admin(scope):
            await self.app(scope, receive, send)
            return
        for fault in self.plan.take_generic(scope["method"], target_of(scope)):
            if fault.kind == FaultKind.LATENCY:
                await asyncio.sleep(fault.seconds)
            else:
                await self._harm(fault, scope, receive, send)
                return
        await self.app(scope, receive, send)

    async def _harm(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        if fault.kind == FaultKind.RESET_BEFORE:
            await drop(scope, receive)
            return
        if fault.kind == FaultKind.STATUS and not fault.commit:
            await self._status(fault)(scope, receive, send)
            return
        status, headers, body = await self._handled(scope, receive)
        if fault.kind == FaultKind.RESET_AFTER:
            await drop(scope, receive)
        elif fault.kind == FaultKind.STATUS:
            await self._status(fault)(scope, receive, send)
        elif fault.kind == FaultKind.EMPTY:
            await Response()(scope, receive, send)
        elif fault.kind == FaultKind.MALFORMED:
            broken = body[: len(body) // 2] or b'{"'
            await _send(send, 200 if status == 204 else status, _sized(headers, len(broken)), broken)
        else:
            whole = body or b'{"value":[]}'
            headers = _sized(headers, None if fault.chunked else len(whole))
            await _send(send, 200 if status == 204 else status, headers, whole[: len(whole) // 2], more_body=True)
            await drop(scope, receive, flush=True)

    def _status(self, fault: Fault) -> Response:
        if fault.body is None:
            response = self.render(fault)
        elif isinstance(fault.body, str):
            response = Response(fault.body, fault.code, media_type="text/html")
        else:
            response = JSONResponse(fault.body, fault.code)
        if fault.retry_after is not None:
            response.headers["Retry-After"] = str(fault.retry_after)
        return response

    async def _handled(self, scope: Scope, receive: Receive) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        start: Message = {}
        body = bytearray()

        async def keep(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            elif message["type"] == "http.response.body":
                body.extend(message.get("body", b""))

        await self.app(scope, receive, keep)
        return start["status"], list(start["headers"]), bytes(body)


def _sized(headers: list[tuple[bytes, bytes]], length: int | None) -> list[tuple[bytes, bytes]]:
    kept = [(name, value) for name, value in headers if name.lower() != b"content-length"]
    return kept if length is None else [*kept, (b"content-length", str(length).encode())]


async def _send(
    send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes, *, more_body: bool = False
) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": more_body})
