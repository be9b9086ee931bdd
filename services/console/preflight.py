"""Preflight: checks each connection against its vendor's live API and changes nothing there.

A check signs in, reads the roles, makes one read, and calls every endpoint that the connection will use. Endpoints that
only write are called for an object that does not exist: the vendor refuses a token without the right first.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from schemas.policy import Policy
from schemas.resources import Connection
from schemas.vendors.defender import DefenderTenant
from schemas.vendors.netskope import EMPTY_HASH, NetskopeTenant
from services.runtime.vendors.defender import LIST, DefenderSession
from services.runtime.vendors.entra import ROLE_ALL
from services.runtime.vendors.errors import ForbiddenError as Denied
from services.runtime.vendors.errors import RefusedError, UnauthorizedError, VendorError
from services.runtime.vendors.netskope import ITERATOR, POLICY, V1, NetskopeSession
from services.runtime.vendors.retry import RetryPolicy

PATIENCE = RetryPolicy(attempts=2, total_s=20.0, longest_wait_s=5.0, throttled_s=5.0)
NOTHING = "ioc-bridge-check"
"""A name that no object has, and the name of the iterator index that a check uses."""
_NO_PROFILE = str(UUID(int=0))
_AHEAD_S = 60
_KINDS = {"malware": "file hashes", "malsite": "URLs"}


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check. Where it failed, `text` says what to change."""

    connection: str
    what: str
    ok: bool
    text: str = ""


def check(policy: Policy, names: Sequence[str] = ()) -> Iterator[Finding]:
    """Check all connections, or those in `names`. Yields each finding as soon as it is known."""
    for name, connection in sorted(policy.connections.items()):
        if not names or name in names:
            yield from _check(connection, policy)


def _check(connection: Connection, policy: Policy) -> Iterator[Finding]:
    spec = connection.spec
    try:
        if isinstance(spec, DefenderTenant):
            yield from _defender(connection)
        elif isinstance(spec, NetskopeTenant):
            yield from _netskope(connection, policy)
        else:
            yield Finding(connection.name, "an endpoint of ours", ok=True, text="there is nothing to sign in to")
    except VendorError as error:  # the session could not be opened
        yield Finding(connection.name, error.route, ok=False, text=error.text)


def _defender(connection: Connection) -> Iterator[Finding]:
    with DefenderSession(connection, threading.Event(), policy=PATIENCE) as session:
        signed_in = _tried(connection, "sign-in", session.sign_in)
        yield signed_in
        if not signed_in.ok:
            return
        yield _role(connection, session.roles)
        yield _tried(
            connection,
            "list indicators",
            lambda: session.call("GET", "/api/indicators", route="list", bucket=LIST, params={"$top": 1}),
        )


def _role(connection: Connection, roles: frozenset[str] | None) -> Finding:
    what = f"role {ROLE_ALL}"
    if roles is None:
        return Finding(connection.name, what, ok=True, text="the token does not tell")
    if ROLE_ALL in roles:
        return Finding(connection.name, what, ok=True)
    text = (
        f"the app has only {', '.join(sorted(roles))}, so it sees and changes nothing but what it made itself; add "
        f"{ROLE_ALL} of WindowsDefenderATP as an application permission and grant admin consent"
    )
    return Finding(connection.name, what, ok=False, text=text)


def _netskope(connection: Connection, policy: Policy) -> Iterator[Finding]:
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
            yield _tried(connection, "REST API v1 token", _hashes(session))


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
    found = _tried(connection, f"{path} ({right})", call)
    if found.ok:
        return found
    return Finding(found.connection, found.what, ok=False, text=f"{found.text}; the v2 token needs {right} on {path}")


def _tried(connection: Connection, what: str, call: Callable[[], object]) -> Finding:
    try:
        call()
    except VendorError as error:
        return Finding(connection.name, what, ok=False, text=error.text)
    return Finding(connection.name, what, ok=True)
