"""Preflight of the API: an endpoint of this installation."""

from collections.abc import Iterator

from schemas.policy import Policy
from schemas.resources import Connection
from services.console.preflight.finding import Finding


def findings(connection: Connection, _: Policy) -> Iterator[Finding]:
    """There is nothing to call."""
    yield Finding(connection.name, "an endpoint of ours", ok=True, text="there is nothing to sign in to")
