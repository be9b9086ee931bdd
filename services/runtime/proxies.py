"""Proxies from the environment: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY, lower-case names first (as in curl).

Invariant: every HTTP client of the project calls `proxy_for` and reads no such variable itself. An unreadable value is
an error: ignoring it would send a request, and its token, to a proxy that should not see it.
"""

import os
from collections.abc import Mapping
from typing import Final

import httpx

from services.runtime.proxy_bypass import EntryError, read_entries

NO_PROXY: Final = "NO_PROXY"
_SCHEMES: Final = ("http", "https")


class ProxyError(ValueError):
    """A proxy variable is unreadable. The text is one line: the variable, the fault, the remedy."""


def proxy_for(url: str | httpx.URL, environ: Mapping[str, str] | None = None) -> str | None:
    """Return the proxy for requests to `url`, or None for a direct connection.

    Raises:
        ProxyError: the variable that decides is unreadable.

    """
    environ = os.environ if environ is None else environ
    target = httpx.URL(url)
    found = _proxy(target.scheme, environ)
    return None if found is None or _is_bypassed(target, environ) else found


def _proxy(scheme: str, environ: Mapping[str, str]) -> str | None:
    for name in (f"{scheme}_proxy", f"{scheme}_proxy".upper(), "all_proxy", "ALL_PROXY"):
        if name == "HTTP_PROXY" and "REQUEST_METHOD" in environ:
            continue  # under CGI the client's header "Proxy:" sets this variable
        if (value := environ.get(name)) is not None:
            return _readable(name, value.strip())
    return None


def _readable(name: str, value: str) -> str | None:
    """Return a proxy's URL, or None for an empty value. Errors never show the value: it may hold a password."""
    if not value:
        return None
    remedy = "write it as http://host:port"
    try:
        url = httpx.URL(value if "://" in value else f"http://{value}")
    except httpx.InvalidURL:
        raise ProxyError(f"{name}: its value is not the URL of a proxy; {remedy}") from None
    if url.scheme not in _SCHEMES:
        raise ProxyError(f"{name}: proxies of scheme {url.scheme} are not supported; {remedy}")
    if not url.host or "%" in url.host or not 0 < (url.port or 1) <= 65_535:
        raise ProxyError(f"{name}: its value has no host or no valid port; {remedy}")
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
