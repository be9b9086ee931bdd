"""The parts both sandbox tenants share, on a tiny tenant of two routes, through real sockets where a socket matters."""

import asyncio
import time
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest
from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.sandbox.tenant.app import build_app
from services.sandbox.tenant.calls import CallLog
from services.sandbox.tenant.clock import TenantClock
from services.sandbox.tenant.faults import Fault, FaultPlan, UnknownFaultKindError
from services.sandbox.tenant.quota import Limit, Windows
from services.sandbox.tenant.serve import TenantServer

START = 1_767_225_600.0


class Switches(BaseModel):
    colour: str = "red"


class Counter:
    """A tenant that counts how often its handler ran."""

    def __init__(self) -> None:
        self.clock = TenantClock(lambda: START)
        self.faults = FaultPlan(["vendor_thing"])
        self.quotas = Windows({"count": [Limit(1000, 60)]}, self.clock)
        self.calls = CallLog(self.clock)
        self.switches = Switches()
        self.ran = 0

    def truth(self) -> Mapping[str, Any]:
        return {"ran": self.ran}

    def seed(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        if "ran" not in body:
            raise ValueError("ran: missing")
        self.ran = body["ran"]
        return {"ran": self.ran}

    def switch(self, changes: Mapping[str, Any]) -> None:
        self.switches = Switches.model_validate({**self.switches.model_dump(), **changes})

    def reset(self) -> None:
        self.ran = 0
        self.switches = Switches()

    async def count(self, _: Request) -> Response:
        self.ran += 1
        self.quotas.take("count")
        return JSONResponse({"ran": self.ran, "padding": "x" * 64})

    async def gone(self, _: Request) -> Response:
        self.ran += 1
        return Response(status_code=204)


@pytest.fixture
def tenant() -> Counter:
    return Counter()


@pytest.fixture
def client(tenant: Counter) -> Iterator[httpx.Client]:
    app = build_app(
        tenant,
        [Route("/count/{name}", tenant.count), Route("/gone", tenant.gone, methods=["DELETE"])],
        render=lambda fault: JSONResponse({"vendor": fault.code}, fault.code),
    )
    with TenantServer(app) as server, httpx.Client(base_url=server.url, timeout=60) as client:
        yield client


def arm(client: httpx.Client, **fault: object) -> int:
    answer = client.post("/_admin/faults", json=fault)
    assert answer.status_code == 201, answer.text
    number: int = answer.json()["ids"][0]
    return number


def test_every_window_must_have_room_and_a_refusal_costs_nothing() -> None:
    clock = TenantClock(lambda: START)
    windows = Windows({"import": [Limit(2, 60), Limit(3, 3600)]}, clock)
    assert [windows.take("import").allowed for _ in range(2)] == [True, True]
    refused = windows.take("import")
    assert not refused.allowed
    assert refused.retry_after == 60
    clock.advance(59)
    assert windows.take("import").retry_after == 1
    clock.advance(1)
    assert windows.take("import").allowed
    hourly = windows.take("import")
    assert not hourly.allowed
    assert hourly.retry_after == 3600 - 60
    clock.advance(hourly.retry_after)
    assert windows.take("import").allowed
    assert windows.refusals == {"import": 3}
    assert windows.admitted == {"import": 4}


def test_waiting_exactly_retry_after_is_enough_when_calls_came_at_odd_moments() -> None:
    clock = TenantClock(lambda: START)
    windows = Windows({"list": [Limit(3, 10)]}, clock)
    for step in (0.1, 0.7, 1.3):
        clock.advance(step)
        assert windows.take("list").allowed
    clock.advance(windows.take("list").retry_after)
    assert windows.take("list").allowed


def test_remaining_counts_down_and_keys_do_not_share() -> None:
    windows = Windows({"list": [Limit(2, 60)]}, TenantClock(lambda: START))
    assert [windows.take("list", "a").remaining for _ in range(2)] == [1, 0]
    other = windows.take("list", "b")
    assert (other.remaining, other.limit, other.reset) == (1, 2, 60)
    with pytest.raises(KeyError):
        windows.take("unknown")


def test_the_clock_never_goes_back() -> None:
    clock = TenantClock(lambda: START)
    with pytest.raises(ValueError, match="cannot go back"):
        clock.advance(-1)
    clock.advance(1.5)
    assert clock.time() == START + 1.5
    assert clock.now().isoformat() == "2026-01-01T00:00:01.500000+00:00"


def test_a_plan_refuses_kinds_it_does_not_know_and_bad_expressions() -> None:
    with pytest.raises(UnknownFaultKindError, match="vendor_thing"):
        FaultPlan(["vendor_thing"]).add(Fault(kind="nonsense"))
    with pytest.raises(ValidationError, match="not a regular expression"):
        Fault(kind="status", path="(")


def test_a_seeded_fault_fires_at_the_same_calls_every_time() -> None:
    def run(seed: int) -> list[bool]:
        plan = FaultPlan()
        plan.add(Fault(kind="status", probability=0.5, seed=seed))
        return [bool(plan.take_generic("GET", "/")) for _ in range(50)]

    assert run(1) == run(1)
    assert run(1) != run(2)
    assert 10 < sum(run(1)) < 40


def test_skip_times_method_and_path_narrow_a_fault() -> None:
    plan = FaultPlan(["own"])
    plan.add(Fault(kind="own", method="get", path=r"^/a.*operation=next", skip=1, times=2))
    assert plan.take("own", "POST", "/a?operation=next") is None
    assert plan.take("own", "GET", "/a?operation=resend") is None
    fired = [plan.take("own", "GET", "/a?operation=next") is not None for _ in range(4)]
    assert fired == [False, True, True, False]
    assert plan.fired == {"own": 2}


def test_status_fault_speaks_for_the_vendor_and_the_handler_does_not_run(client: httpx.Client, tenant: Counter) -> None:
    arm(client, kind="status", code=429, retry_after=7, times=1)
    arm(client, kind="status", code=503, body="<html>busy</html>", times=1)
    arm(client, kind="status", code=400, body={"own": 1}, times=1, commit=True)
    refused, busy, own = (client.get("/count/a") for _ in range(3))
    assert (refused.status_code, refused.json(), refused.headers["Retry-After"]) == (429, {"vendor": 429}, "7")
    assert (busy.status_code, busy.text) == (503, "<html>busy</html>")
    assert "Retry-After" not in busy.headers
    assert (own.status_code, own.json()) == (400, {"own": 1})
    assert tenant.ran == 1
    assert client.get("/count/a").json()["ran"] == 2


def test_reset_before_and_after_differ_in_what_was_committed(client: httpx.Client, tenant: Counter) -> None:
    arm(client, kind="reset_before", times=1)
    with pytest.raises(httpx.TransportError):
        client.get("/count/a")
    assert tenant.ran == 0
    arm(client, kind="reset_after", times=1)
    with pytest.raises(httpx.TransportError):
        client.get("/count/a")
    assert tenant.ran == 1
    assert client.get("/_admin/calls").json()["calls"] == [
        {"method": "GET", "route": "/count/{name}", "status": "dropped", "count": 2}
    ]


@pytest.mark.parametrize("chunked", [False, True])
def test_cut_promises_more_than_it_sends(client: httpx.Client, tenant: Counter, *, chunked: bool) -> None:
    arm(client, kind="cut", times=1, chunked=chunked)
    with client.stream("GET", "/count/a") as answer:
        assert answer.status_code == 200
        assert ("content-length" in answer.headers) is not chunked
        parts = answer.iter_raw()
        received = next(parts)
        assert received.startswith(b'{"ran":1')
        with pytest.raises(httpx.RemoteProtocolError):
            list(parts)
    assert tenant.ran == 1


def test_empty_and_malformed_are_well_formed_http(client: httpx.Client) -> None:
    arm(client, kind="empty", times=1)
    arm(client, kind="malformed", times=2)
    empty = client.get("/count/a")
    assert (empty.status_code, empty.content) == (200, b"")
    malformed = client.get("/count/a")
    assert malformed.status_code == 200
    with pytest.raises(ValueError, match=r"Unterminated|Expecting|delimiter"):
        malformed.json()
    assert client.delete("/gone").content == b'{"'
    assert client.delete("/gone").status_code == 204


def test_latency_delays_and_lets_the_next_fault_through(client: httpx.Client) -> None:
    arm(client, kind="latency", seconds=0.05, times=1)
    arm(client, kind="status", code=502, times=1)
    before = time.monotonic()
    assert client.get("/count/a").status_code == 502
    assert time.monotonic() - before >= 0.05
    assert client.get("/_admin/faults").json()["fired"] == {"latency": 1, "status": 1}


def test_faults_are_listed_and_disarmed(client: httpx.Client) -> None:
    first, second = arm(client, kind="status", code=500), arm(client, kind="vendor_thing", params={"n": 1})
    listed = client.get("/_admin/faults").json()["faults"]
    assert [(entry["id"], entry["kind"]) for entry in listed] == [(first, "status"), (second, "vendor_thing")]
    left = client.delete("/_admin/faults", params={"id": first}).json()["faults"]
    assert [entry["id"] for entry in left] == [second]
    assert client.delete("/_admin/faults").json()["faults"] == []
    assert client.get("/count/a").status_code == 200


def test_admin_refuses_what_it_does_not_understand(client: httpx.Client) -> None:
    for path, body in [
        ("/_admin/faults", {"kind": "nonsense"}),
        ("/_admin/faults", {"kind": "status", "cod": 1}),
        ("/_admin/switches", {"colour": 1}),
        ("/_admin/clock", {"seconds": "x"}),
        ("/_admin/clock", {"seconds": -1}),
        ("/_admin/seed", {}),
        ("/_admin/seed", []),
    ]:
        answer = client.post(path, json=body)
        assert answer.status_code == 422, (path, body)
        assert answer.json()["errors"][0]["msg"]


def test_switches_clock_calls_and_reset(client: httpx.Client, tenant: Counter) -> None:
    assert client.post("/_admin/seed", json={"ran": 5}).json() == {"ran": 5}
    assert client.post("/_admin/switches", json={"colour": "blue"}).json() == {"colour": "blue"}
    assert client.post("/_admin/clock", json={"seconds": 90}).json()["time"] == START + 90
    assert client.get("/count/a?x=1").json()["ran"] == 6
    assert client.get("/nowhere").status_code == 404
    calls = client.get("/_admin/calls").json()
    assert calls["calls"] == [
        {"method": "GET", "route": "/count/{name}", "status": "200", "count": 1},
        {"method": "GET", "route": "/nowhere", "status": "404", "count": 1},
    ]
    assert calls["recent"][0]["target"] == "/count/a?x=1"
    assert calls["recent"][0]["time"] == START + 90
    assert calls["admitted"] == {"count": 1}
    assert calls["refusals"] == {}
    arm(client, kind="status")
    assert client.post("/_admin/reset").json() == {"reset": True}
    assert client.get("/_admin/truth").json() == {"ran": 0}
    assert client.get("/_admin/calls").json() == {"calls": [], "recent": [], "admitted": {}, "refusals": {}}
    assert client.get("/_admin/switches").json() == {"colour": "red"}
    assert client.get("/_admin/clock").json()["time"] == START
    assert client.get("/_admin/faults").json() == {"faults": [], "fired": {}}


def test_a_server_keeps_its_port_over_a_restart_and_refuses_while_down(tenant: Counter) -> None:
    app = build_app(tenant, [Route("/count/{name}", tenant.count)], render=lambda fault: Response(status_code=500))
    server = TenantServer(app)
    server.start()
    url = server.url
    with httpx.Client(timeout=60) as client:
        assert client.get(f"{url}/count/a").json()["ran"] == 1
        with pytest.raises(RuntimeError, match="already serves"):
            server.start()
        server.stop()
        server.stop()
        with pytest.raises(httpx.TransportError):
            client.get(f"{url}/count/a")
        server.start()
        assert server.url == url
        assert client.get(f"{url}/count/a").json()["ran"] == 2
        with pytest.raises(OSError, match=r"[Aa]ddress already in use"):
            TenantServer(app, server.port).start()
        server.stop()


def test_stop_does_not_wait_for_a_slow_request(tenant: Counter) -> None:
    app = build_app(tenant, [Route("/count/{name}", tenant.count)], render=lambda fault: Response(status_code=500))
    tenant.faults.add(Fault(kind="latency", seconds=3600))
    server = TenantServer(app).start()
    with httpx.Client(timeout=60) as client:
        with pytest.raises(httpx.TransportError), client.stream("GET", f"{server.url}/count/a", timeout=0.05):
            pass
        server.stop()
    assert tenant.ran == 0


def test_without_a_socket_a_drop_is_a_connection_reset(tenant: Counter) -> None:
    app = build_app(tenant, [Route("/count/{name}", tenant.count)], render=lambda fault: Response(status_code=500))
    tenant.faults.add(Fault(kind="reset_after"))

    async def call() -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://tenant") as client:
            await client.get("/count/a")

    with pytest.raises(ConnectionResetError):
        asyncio.run(call())
    assert tenant.ran == 1
