"""Calls to the HTTP API, at the address IOC_BRIDGE_API_URL, with the token IOC_BRIDGE_API_TOKEN."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx

from services.runtime.observability import log
from services.runtime.proxies import ProxyError, proxy_for

URL, TOKEN = "IOC_BRIDGE_API_URL", "IOC_BRIDGE_API_TOKEN"  # environment variables
DEFAULT_URL = "http://127.0.0.1:8080"


class RemoteError(Exception):
    """A call to the API failed; the text says why. `again`: a later try may succeed, after `after_s` seconds."""

    def __init__(self, text: str, *, again: bool = False, after_s: float = 0.0) -> None:
        super().__init__(text)
        self.again = again
        self.after_s = after_s


class Remote:
    """Calls to the API."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def get(self, path: str, **parameters: object) -> Any:  # noqa: ANN401  # JSON
        """Get a path and return the JSON answer; empty parameters are left out. Raises RemoteError."""
        return self._call("GET", path, params=_not_empty(parameters))

    def post(self, path: str, body: bytes, kind: str, **parameters: object) -> Any:  # noqa: ANN401  # JSON
        """Post a body of content type `kind` and return the JSON answer; parameters as in `get`. Raises RemoteError."""
        return self._call("POST", path, content=body, headers={"Content-Type": kind}, params=_not_empty(parameters))

    def _call(self, method: str, path: str, **arguments: Any) -> Any:  # noqa: ANN401
        try:
            answer = self._client.request(method, path, **arguments)
        except httpx.TransportError as error:
            where = self._client.base_url
            text = f"the API at {where} does not answer ({error}): is `ioc-bridge serve` running, and {URL} right?"
            raise RemoteError(text, again=True, after_s=1.0) from error
        if answer.is_success:
            try:
                return answer.json()
            except ValueError as error:
                where = self._client.base_url
                raise RemoteError(f"the server at {where} is not the API: check {URL}") from error
        again = answer.status_code in (429, 503)
        after = answer.headers.get("Retry-After", "")
        raise RemoteError(_error_text(answer), again=again, after_s=float(after) if after.isdigit() else 5.0)


def _not_empty(parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: value for name, value in parameters.items() if value not in (None, "", [])}


def _error_text(answer: httpx.Response) -> str:
    try:
        detail = answer.json()["detail"]
    except (ValueError, KeyError, TypeError):
        return f"the API answers {answer.status_code}"
    return detail if isinstance(detail, str) else "; ".join(_field(one) for one in detail)


def _field(one: Mapping[str, Any]) -> str:
    return f"{'.'.join(map(str, one.get('loc', ())[1:]))}: {one.get('msg', '')}"


@contextmanager
def remote() -> Iterator[Remote]:
    """Connect to the API that the environment variables name.

    Raises:
        RemoteError: a variable has an unusable value; the text names it.

    """
    url, token = os.environ.get(URL) or DEFAULT_URL, os.environ.get(TOKEN, "").strip()
    if not (token.isascii() and token.isprintable()):
        raise RemoteError(f"{TOKEN} has characters that no token has; set it to the output of `ioc-bridge token`")
    headers = {"Authorization": f"Bearer {log.hide(token)}"} if token else {}
    try:
        target = httpx.URL(url)
        proxy = proxy_for(target)
    except httpx.InvalidURL as error:
        raise RemoteError(f"{URL} is no URL ({error}); write it as {DEFAULT_URL}") from error
    except ProxyError as error:
        raise RemoteError(str(error)) from error
    trust = httpx.create_ssl_context()  # reads SSL_CERT_FILE and SSL_CERT_DIR; `proxy_for` read the proxy variables
    with httpx.Client(
        base_url=target, headers=headers, timeout=60.0, verify=trust, proxy=proxy, trust_env=False
    ) as client:
        yield Remote(client)
