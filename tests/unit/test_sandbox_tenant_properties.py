"""Quotas hold whatever the rhythm of the calls, and a tenant can serve https."""

import ssl
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.sandbox.tenant.clock import TenantClock
from services.sandbox.tenant.quota import Limit, Windows
from services.sandbox.tenant.serve import TenantServer
from tests.certificates import certificate

LIMITS = st.lists(st.builds(Limit, calls=st.integers(1, 6), seconds=st.integers(1, 50)), min_size=1, max_size=3)


@given(LIMITS, st.lists(st.integers(0, 20), max_size=80))
def test_no_window_ever_holds_more_than_its_limit_and_no_call_is_refused_without_need(
    limits: list[Limit], pauses: list[int]
) -> None:
    clock = TenantClock(lambda: 0.0)
    windows = Windows({"b": limits}, clock)
    admitted: list[float] = []
    for pause in pauses:
        clock.advance(pause)
        now = clock.time()
        fits = all(sum(call > now - limit.seconds for call in admitted) < limit.calls for limit in limits)
        decision = windows.take("b")
        assert decision.allowed is fits
        if fits:
            admitted.append(now)
    assert windows.admitted["b"] == len(admitted)
    assert windows.refusals["b"] == len(pauses) - len(admitted)


@given(LIMITS, st.lists(st.floats(0, 10), max_size=40))
def test_waiting_as_told_is_always_enough(limits: list[Limit], pauses: list[float]) -> None:
    clock = TenantClock(lambda: 1_767_225_600.0)
    windows = Windows({"b": limits}, clock)
    for pause in pauses:
        clock.advance(pause)
        decision = windows.take("b")
        if not decision.allowed:
            clock.advance(decision.retry_after)
            assert windows.take("b").allowed


def test_https_with_a_certificate_of_ones_own(tmp_path: Path) -> None:
    async def hello(_: Request) -> Response:
        return JSONResponse({"hello": 1})

    tls = certificate(tmp_path)
    context = ssl.create_default_context(cafile=str(tls[0]))
    with TenantServer(Starlette(routes=[Route("/", hello)]), tls=tls) as server:
        assert server.url.startswith("https://127.0.0.1:")
        with httpx.Client(verify=context, timeout=5) as client:
            assert client.get(server.url).json() == {"hello": 1}
        with httpx.Client(timeout=5) as distrustful, pytest.raises(httpx.ConnectError, match=r"(?i)certificate"):
            distrustful.get(server.url)
