"""HTTP to a vendor: one client per connection, metrics of every call, and the errors of `vendors/errors.py`.

Invariant: labels and texts name the route, a fixed name from the caller; never the URL, the query, a body or a header.
"""

import ssl
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from http import HTTPStatus
from importlib.metadata import version

import httpx
import orjson

from schemas.connections import Tls
from services.runtime.observability import log, trace
from services.runtime.observability.metrics import TLS_UNVERIFIED, VENDOR_CALL_ERRORS, VENDOR_CALL_SECONDS, VENDOR_CALLS
from services.runtime.proxies import ProxyError, proxy_for
from services.runtime.vendors.error_bodies import read_error_body
from services.runtime.vendors.errors import (
    BY_STATUS,
    BrokenAnswerError,
    MisconfiguredError,
    RefusedError,
    ThrottledError,
    UnavailableError,
    UnreachableError,
    VendorError,
)
from services.runtime.vendors.json_text import read_json
from services.runtime.vendors.unreachable import cut_answer, no_answer

CONNECT_TIMEOUT_S = 10.0
READ_TIMEOUT_S = 60.0
THROTTLED_S = 60.0
KEPT_S = 2.0
"""How long an unused connection is kept. Servers close theirs after 5 s by default (Apache, Node.js, uvicorn), which is
also the default of httpx: a call that is sent at that moment gets no answer."""
_LONGEST_RESET_S = 86_400.0

_LOG = log.get(__name__)

Params = Mapping[str, str | int | bool]


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete 2xx answer."""

    connection: str
    route: str
    status: int
    headers: httpx.Headers
    content: bytes

    def json(self, *, empty_ok: bool = False) -> object:
        """Return the parsed body; None for 204, and for an empty body if `empty_ok`.

        Parses as tolerantly as Python's json (`vendors/json_text.py`), so that one bad value does not make a whole page
        unreadable.

        Raises:
            BrokenAnswerError: the body is empty or not JSON.

        """
        if self.status == HTTPStatus.NO_CONTENT or (empty_ok and not self.content.strip()):
            return None
        try:
            return read_json(self.content)
        except ValueError as error:
            kind = "malformed" if self.content.strip() else "empty"
            VENDOR_CALL_ERRORS.labels(self.connection, self.route, kind).inc()
            text = f"answer {self.status} has a body that is {kind} ({len(self.content)} bytes)"
            raise BrokenAnswerError(self.connection, self.route, text, kind=kind, content=self.content) from error


_ANSWERED: Counter[str] = Counter()
_NOT_ANSWERS = frozenset({401, 403, 408, 429})


def answered(connection: str) -> int:
    """Return how often the vendor has answered a request itself, even by a refusal: a sign that it works."""
    return _ANSWERED[connection]


class VendorHttp:
    """One base URL of one connection. For one thread at a time.

    `url_field` is the field of the connection that holds the base URL, for error texts; `hints` are remedies by status.
    Without a proxy in the connection, the environment decides (`services/runtime/proxies.py`). The client is made at
    the first request, so that a faulty setting is an error of that request.
    """

    def __init__(
        self,
        connection: str,
        base_url: str,
        *,
        url_field: str,
        tls: Tls | None = None,
        proxy: str | None = None,
        read_timeout_s: float = READ_TIMEOUT_S,
        throttled_s: float = THROTTLED_S,
        hints: Mapping[int, str] | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.connection = connection
        self._url_field = url_field
        self._read_timeout_s = read_timeout_s
        self._throttled_s = throttled_s
        self._hints = hints or {}
        if proxy:
            log.hide(httpx.URL(proxy).password)
        self._base_url = base_url
        self._tls = tls or Tls()
        self._proxy = proxy
        self._transport = transport
        self._opened: httpx.Client | None = None

    def close(self) -> None:
        """Close the connections."""
        if self._opened is not None:
            self._opened.close()

    def _client(self) -> httpx.Client:
        """Return the client, made at the first call. Raises MisconfiguredError."""
        if self._opened is None:
            self._opened = httpx.Client(
                base_url=self._base_url,
                verify=_verification(self.connection, self._tls),
                proxy=self._proxy or (None if self._transport else _environment_proxy(self.connection, self._base_url)),
                trust_env=False,
                timeout=self._timeout(self._read_timeout_s),
                limits=httpx.Limits(keepalive_expiry=KEPT_S),
                headers={"User-Agent": f"ioc-bridge/{version('ioc-bridge')}", "Accept": "application/json"},
                transport=self._transport,
            )
        return self._opened

    def request(
        self,
        method: str,
        path: str,
        *,
        route: str,
        params: Params | None = None,
        json: object = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        read_timeout_s: float | None = None,
    ) -> Answer:
        """Send a request once and read the whole answer. `path` is sent unchanged: quote its parts before.

        Raises:
            MisconfiguredError: the CA bundle or a proxy variable is unusable; nothing was sent.
            VendorError: there was no complete 2xx answer.

        """
        request = self._client().build_request(
            method,
            path,
            params=params,
            content=None if json is None else orjson.dumps(json),
            data=form,
            headers={**({} if json is None else {"Content-Type": "application/json"}), **(headers or {})},
            timeout=self._timeout(read_timeout_s or self._read_timeout_s),
        )
        with trace.span(f"call {route}", connection=self.connection, route=route) as span:
            request.headers[trace.HEADER] = span.traceparent
            answer = self._measured(request, route)
            span.attributes["status"] = answer.status
            if not 200 <= answer.status < 300:
                raise self._refusal(answer)
        return answer

    def _measured(self, request: httpx.Request, route: str) -> Answer:
        began = time.monotonic()
        try:
            answer = self._exchange(request, route)
        except (UnreachableError, BrokenAnswerError) as error:
            VENDOR_CALL_ERRORS.labels(self.connection, route, error.kind).inc()
            raise
        finally:
            VENDOR_CALL_SECONDS.labels(self.connection, route).observe(time.monotonic() - began)
        VENDOR_CALLS.labels(self.connection, route, str(answer.status)).inc()
        if answer.status < 500 and answer.status not in _NOT_ANSWERS:
            _ANSWERED[self.connection] += 1
        return answer

    def _exchange(self, request: httpx.Request, route: str) -> Answer:
        try:
            response = self._client().send(request, stream=True)
        except httpx.TransportError as error:
            raise no_answer(self.connection, route, error, self._url_field) from error
        try:
            content = response.read()
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise cut_answer(self.connection, route, response.status_code, error) from error
        finally:
            response.close()
        return Answer(self.connection, route, response.status_code, response.headers, content)

    def _refusal(self, answer: Answer) -> VendorError:
        status = answer.status
        stated = read_error_body(answer.content)
        text = ": ".join(filter(None, (f"{status} {_phrase(status)}", stated.code, stated.message)))
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            wait = _retry_after(answer.headers)
            seconds = self._throttled_s if wait is None else wait
            text = f"{text}; calls go on by themselves in {seconds:.0f} s"
            return ThrottledError(self.connection, answer.route, text, retry_after=seconds)
        if status >= 500 or status == HTTPStatus.REQUEST_TIMEOUT:
            wait = _retry_after(answer.headers)
            return UnavailableError(self.connection, answer.route, text, status=status, retry_after=wait)
        hint = self._hints.get(status) or (f"redirected; correct {self._url_field}" if status < 400 else "")
        return BY_STATUS.get(status, RefusedError)(
            self.connection,
            answer.route,
            "; ".join(filter(None, (text, hint))),
            status=status,
            code=stated.code,
            message=stated.message,
            body=stated.body,
        )

    @staticmethod
    def _timeout(read_s: float) -> httpx.Timeout:
        return httpx.Timeout(read_s, connect=CONNECT_TIMEOUT_S, pool=CONNECT_TIMEOUT_S)


def _environment_proxy(connection: str, url: str) -> str | None:
    try:
        proxy = proxy_for(url)
    except ProxyError as error:
        text = f"{error} (in the environment of this service), then restart it"
        raise MisconfiguredError(connection, "proxy", text) from error
    if proxy:
        log.hide(httpx.URL(proxy).password)
    return proxy


def _verification(connection: str, tls: Tls) -> ssl.SSLContext | bool:
    TLS_UNVERIFIED.labels(connection).set(0 if tls.verify else 1)
    if not tls.verify:
        _LOG.warning(
            "the vendor's certificate is not checked: others on the network path can read and change the data",
            connection=connection,
            field="spec.tls.verify",
        )
        return False
    if tls.ca_file is None:
        return _default_trust()
    try:
        return ssl.create_default_context(cafile=tls.ca_file)
    except OSError as error:  # SSLError is one
        text = f"spec.tls.caFile: {tls.ca_file} cannot be used ({error}); name a readable file of PEM certificates"
        raise MisconfiguredError(connection, "tls", text) from error


@cache
def _default_trust() -> ssl.SSLContext:
    """Return the default trust of httpx. Connections share it, because loading it takes a while."""
    return httpx.create_ssl_context()


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "unknown status"


def _retry_after(headers: httpx.Headers) -> float | None:
    """Return the seconds to wait by `Retry-After` (seconds or a date), else by `RateLimit-Reset`, else None."""
    for name in ("Retry-After", "RateLimit-Reset"):
        seconds = _seconds(headers.get(name))
        if seconds is not None:
            return seconds
    return None


def _seconds(value: str | None) -> float | None:
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            when = parsedate_to_datetime(value)
        except (ValueError, OverflowError):  # a year or an offset of any size
            return None
        seconds = (when.replace(tzinfo=when.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    # More than a day is no wait: some gateways send a point in time. `nan` fails the comparison, too.
    return max(0.0, seconds) if seconds <= _LONGEST_RESET_S else None
