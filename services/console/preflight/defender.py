"""Preflight of Defender tenants: sign-in, role, one listing."""

import threading
from collections.abc import Iterator

from schemas.policy import Policy
from schemas.resources import Connection
from services.console.preflight.finding import PATIENCE, Finding, tried
from services.runtime.vendors.defender import LIST, DefenderSession
from services.runtime.vendors.entra import ROLE_ALL


def findings(connection: Connection, _: Policy) -> Iterator[Finding]:
    """Sign in, look at the role, list one indicator."""
    with DefenderSession(connection, threading.Event(), policy=PATIENCE) as session:
        signed_in = tried(connection, "sign-in", session.sign_in)
        yield signed_in
        if not signed_in.ok:
            return
        yield _role(connection, session.roles)
        yield tried(
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
