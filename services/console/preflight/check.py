"""Checks of connections: each by its vendor's own module. A vendor without one is a failure, never silence."""

from collections.abc import Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec

from schemas.policy import Policy
from schemas.resources import Connection
from services.console.preflight.finding import Finding
from services.runtime.vendors.errors import VendorError


def check(policy: Policy, names: Sequence[str] = ()) -> Iterator[Finding]:
    """Check all connections, or those in `names`. Yields each finding as soon as it is known."""
    for name, connection in sorted(policy.connections.items()):
        if not names or name in names:
            yield from _check(connection, policy)


def _check(connection: Connection, policy: Policy) -> Iterator[Finding]:
    type_ = connection.spec.type
    module = f"{__package__}.{type_}"
    if find_spec(module) is None:
        text = f"there is no check for connections of type {type_}: {module} is missing, so nothing is known of it"
        yield Finding(connection.name, "preflight", ok=False, text=text)
        return
    try:
        yield from import_module(module).findings(connection, policy)
    except VendorError as error:  # the session could not be opened
        yield Finding(connection.name, error.route, ok=False, text=error.text)
