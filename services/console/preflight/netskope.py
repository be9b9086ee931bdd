"""Preflight of Netskope tenants: both tokens against every endpoint that the connection will use."""

import threading
import time
from collections.abc import Callable, Iterator
from uuid import UUID

from schemas.policy import Policy
from schemas.resources import Connection
from schemas.vendors.netskope import EMPTY_HASH, NetskopeTenant
from services.console.preflight.finding import NOTHING, PATIENCE, Finding, tried
from services.runtime.vendors.errors import ForbiddenError as Denied
from services.runtime.vendors.errors import RefusedError, UnauthorizedError
from services.runtime.vendors.netskope import ITERATOR, POLICY, V1, NetskopeSession

_NO_PROFILE = str(UUID(int=0))
_AHEAD_S = 60
_KINDS = {"malware": "file hashes", "malsite": "URLs"}


def findings(connection: Connection, policy: Policy) -> Iterator[Finding]:
    """Try each endpoint that the connection and its sharings use."""
    spec = connection.spec
    assert isinstance(spec, NetskopeTenant)
    kinds = {one.spec.target.kind for one in policy.sharings.values() if one.spec.destination == connection.name}
    with NetskopeSession(connection, threading.Event(), policy=PATIENCE) as session:
        if spec.polling:
            for kind in _KINDS:
                yield _scope(connection, f"/api/v2/events/dataexport/alerts/{kind}", "Read", _iterator(session, kind))
        if "url-list" in kinds or not (spec.polling or "destination-profile" in kinds):
            path = "/api/v2/policy/urllist"
            yield _scope(connection, path, "Read", _lists(session))
        if "url-list" in kinds:
            yield _scope(connection, path, "Read + Write", _append(session))
        if "destination-profile" in kinds:
            path = "/api/v2/profiles/destinations"
            yield _scope(connection, path, "Read", _profiles(session))
            yield _scope(connection, path, "Read + Write", _append_values(session))
            yield _scope(connection, f"{path}/deploy", "Read + Write", _deploy_profile(session))
        if spec.v1_token is not None:
            yield tried(connection, "REST API v1 token", _hashes(session))


def _iterator(session: NetskopeSession, kind: str) -> Callable[[], object]:
    """Read with an index of our own that starts in the future: the answer is empty and immediate."""
    return lambda: session.call_v2(
        "GET", f"/api/v2/events/dataexport/alerts/{kind}", route=f"alerts_{kind}", bucket=f"{ITERATOR}:{kind}",
        params={"index": NOTHING, "operation": str(int(time.time()) + _AHEAD_S)}, repeatable=True,
    )  # fmt: skip


def _lists(session: NetskopeSession) -> Callable[[], object]:
    return lambda: session.call_v2(
        "GET", "/api/v2/policy/urllist", route="urllist_find", bucket=POLICY, params={"field": "id,name"},
        repeatable=True,
    )  # fmt: skip


def _append(session: NetskopeSession) -> Callable[[], object]:
    def call() -> None:
        body = {"data": {"urls": [f"{NOTHING}.invalid"], "type": "exact"}}
        path = "/api/v2/policy/urllist/0/append"  # no list has the number 0
        _unless_denied(
            lambda: session.call_v2("PATCH", path, route="urllist_append", bucket=POLICY, json=body, repeatable=True)
        )

    return call


def _profiles(session: NetskopeSession) -> Callable[[], object]:
    return lambda: session.call_v2(
        "GET", "/api/v2/profiles/destinations", route="profiles_find", bucket=POLICY,
        params={"fields": "id,name,type,values_count", "offset": "0", "limit": "1"}, repeatable=True,
    )  # fmt: skip


def _append_values(session: NetskopeSession) -> Callable[[], object]:
    body = {"operation": {"op": "append", "values": [f"{NOTHING}.invalid"]}}
    path = f"/api/v2/profiles/destinations/{_NO_PROFILE}/values"
    return lambda: _unless_denied(
        lambda: session.call_v2("PATCH", path, route="profile_append", bucket=POLICY, json=body, repeatable=True)
    )


def _deploy_profile(session: NetskopeSession) -> Callable[[], object]:
    body, path = {"ids": [_NO_PROFILE]}, "/api/v2/profiles/destinations/deploy"
    return lambda: _unless_denied(
        lambda: session.call_v2("POST", path, route="profile_deploy", bucket=POLICY, json=body, repeatable=True)
    )


def _hashes(session: NetskopeSession) -> Callable[[], object]:
    def call() -> None:
        body = {"name": NOTHING, "list": EMPTY_HASH}
        path = "/api/v1/updateFileHashList"
        _unless_denied(lambda: session.call_v1("POST", path, route="hashlist_replace", json=body, bucket=V1))

    return call


def _unless_denied(call: Callable[[], object]) -> None:
    """Call, and ignore a refusal for a missing object: it shows that the token has the right."""
    try:
        call()
    except (UnauthorizedError, Denied):
        raise
    except RefusedError:
        return


def _scope(connection: Connection, path: str, right: str, call: Callable[[], object]) -> Finding:
    found = tried(connection, f"{path} ({right})", call)
    if found.ok:
        return found
    return Finding(found.connection, found.what, ok=False, text=f"{found.text}; the v2 token needs {right} on {path}")
