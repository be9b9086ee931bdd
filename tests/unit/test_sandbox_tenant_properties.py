"""Quotas hold whatever the rhythm of the calls, and a tenant can serve https."""

import datetime as dt
import ipaddress
import ssl
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.sandbox.tenant.clock import TenantClock
from services.sandbox.tenant.quota import Limit, Windows
from services.sandbox.tenant.serve import TenantServer

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


def certificate(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate for the loopback address, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sandbox")])
    now = dt.datetime.now(dt.UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(address, critical=False)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(built.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return paths


def test_https_with_a_certificate_of_ones_own(tmp_path: Path) -> None:
    async def hello(_: Request) -> Response:
        return JSONResponse({"hello": 1})

    tls = certificate(tmp_path)
    context = ssl.create_default_context(cafile=str(tls[0]))
    with TenantServer(Starlette(routes=[Route("/", hello)]), tls=tls) as server:
        assert server.url.startswith("https://127.0.0.1:")
        with httpx.Client(verify=context, timeout=60) as client:
            assert client.get(server.url).json() == {"hello": 1}
        with httpx.Client(timeout=60) as distrustful, pytest.raises(httpx.ConnectError, match=r"(?i)certificate"):
            distrustful.get(server.url)
