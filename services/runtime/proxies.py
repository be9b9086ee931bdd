"""Which proxy a request goes through, as HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY say: decided here alone.

Every HTTP client of the project asks `proxy_for` and reads no such variable itself. Names are read in lower case first,
as curl and requests do. A value that cannot be read is an error and not passed over: a request that should have gone
directly would carry its token to the proxy.
"""

import os
from collections.abc import Mapping
from typing import Final

import httpx

from services.runtime.proxy_bypass import EntryError, read_entries

NO_PROXY: Final = "NO_PROXY"
_SCHEMES: Final = ("http", "https")


class ProxyError(ValueError):
    """A variable about proxies cannot be read. The text is one line: the variable, what is wrong, what to do."""


def proxy_for(url: str | httpx.URL, environ: Mapping[str, str] | None = None) -> str | None:
    """The proxy that a request to `url` goes through; None: it goes directly.

    Raises:
        ProxyError: the variable that decides cannot be read.

    """
    environ = os.environ if environ is None else environ
    target = httpx.URL(url)
    found = _proxy(target.scheme, environ)
    return None if found is None or _is_bypassed(target, environ) else found


def _proxy(scheme: str, environ: Mapping[str, str]) -> str | None:
    for name in (f"{scheme}_proxy", f"{scheme}_proxy".upper(), "all_proxy", "ALL_PROXY"):
        if name == "HTTP_PROXY" and "REQUEST_METHOD" in environ:
            continue  # under CGI that is a header of the client, "Proxy:"
        if (value := environ.get(name)) is not None:
            return _readable(name, value.strip())
    return None


def _readable(name: str, value: str) -> str | None:
    """A proxy's URL. An empty value means no proxy. The value is never shown: it may hold a password."""
    if not value:
        return None
    todo = "write it as http://host:port"
    try:
        url = httpx.URL(value if "://" in value else f"http://{value}")
    except httpx.InvalidURL:
        raise ProxyError(f"{name}: its value is no URL of a proxy; {todo}") from None
    if url.scheme not in _SCHEMES:
        raise ProxyError(f"{name}: proxies of scheme {url.scheme} are not supported; {todo}")
    if not url.host or "%" in url.host or not 0 < (url.port or 1) <= 65_535:
        raise ProxyError(f"{name}: its value names no host or no valid port; {todo}")
    return str(url)


def _is_bypassed(target: httpx.URL, environ: Mapping[str, str]) -> bool:
    name = NO_PROXY.lower() if environ.get(NO_PROXY.lower()) else NO_PROXY
    try:
        entries = read_entries(environ.get(name, ""))
    except EntryError as error:
        text = "a host, a domain, an address or a network such as 10.0.0.0/8, each with or without :port, or *"
        raise ProxyError(f"{name}: the entry {error.entry!a} cannot be read; write {text}") from None
    port = target.port or (443 if target.scheme == "https" else 80)
    return any(entry.covers(target.raw_host.decode("ascii"), port) for entry in entries)
