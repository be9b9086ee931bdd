"""Errors for requests without a complete answer: the cause, the remedy, and whether the vendor may have acted."""

import socket
import ssl

import httpx

from services.runtime.vendors.errors import BrokenAnswerError, UnreachableError

_OTHER_NAME = (62, 64)
"""OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH, for which another CA is no remedy."""


def no_answer(connection: str, route: str, error: httpx.TransportError, url_field: str) -> UnreachableError:
    """Return the error for a request without a status line. `url_field` is the field that configures the host."""
    kind, text, sent = _explained(error, url_field)
    return UnreachableError(connection, route, text, kind=kind, may_have_acted=sent)


def cut_answer(connection: str, route: str, status: int, error: Exception) -> BrokenAnswerError:
    """Return the error for an answer that began and did not end properly."""
    kind = "malformed" if isinstance(error, httpx.DecodingError) else "cut"
    text = f"answer {status} was {kind} on the way ({type(error).__name__})"
    return BrokenAnswerError(connection, route, text, kind=kind)


def _explained(error: httpx.TransportError, url_field: str) -> tuple[str, str, bool]:
    """Return kind, text, and whether the request may have reached the vendor."""
    host = error.request.url.host
    check = f"check {url_field}, spec.proxy and the network"
    if isinstance(error, httpx.ConnectTimeout | httpx.PoolTimeout):
        return "timeout", f"no connection to {host} in time; {check}", False
    if isinstance(error, httpx.ProxyError):
        return "proxy", f"the proxy refuses the connection to {host}; check spec.proxy", False
    if isinstance(error, httpx.ConnectError):
        return _unconnected(error, host, check)
    if isinstance(error, httpx.TimeoutException):
        return "timeout", f"no answer from {host} in time", True
    if isinstance(error, httpx.LocalProtocolError | httpx.UnsupportedProtocol):
        # Not the exception's text: it may quote a header.
        return "protocol", f"the request to {host} cannot be sent; check {url_field} and the secrets", False
    return "reset", f"{host} closed the connection before it answered", True


def _unconnected(error: httpx.ConnectError, host: str, check: str) -> tuple[str, str, bool]:
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            remedy = check if cause.verify_code in _OTHER_NAME else "name the CA that signed it in spec.tls.caFile"
            return "tls", f"the certificate of {host} is not trusted ({cause.verify_message}); {remedy}", False
        if isinstance(cause, ssl.SSLError):
            return "tls", f"the TLS handshake with {host} failed ({cause}); {check}", False
        if isinstance(cause, socket.gaierror):
            return "dns", f"the name {host} does not resolve; {check}", False
    return "connect", f"no connection to {host}; {check}", False


def _causes(error: BaseException) -> list[BaseException]:
    chain: list[BaseException] = [error]
    while (cause := chain[-1].__cause__ or chain[-1].__context__) is not None and cause not in chain:
        chain.append(cause)
    return chain
