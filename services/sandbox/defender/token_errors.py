"""Errors of the token endpoint: flat, with an AADSTS number, and nothing like the API's own envelope.

Sources: Microsoft, "Token Issuance Endpoint Errors" (shape) and "Microsoft Entra authentication and authorization
error codes" (numbers). Texts may change at the vendor's; clients must not depend on them.
"""

import uuid
from dataclasses import dataclass
from typing import Self

from pydantic import JsonValue

from services.sandbox.tenant.clock import TenantClock

_TABLE: dict[int, tuple[int, str, str]] = {
    70003: (400, "unsupported_grant_type", "The app requested an unsupported grant type '{0}'."),
    90002: (400, "invalid_request", "Tenant '{0}' not found. Check to make sure you have the correct tenant ID."),
    500011: (400, "invalid_resource", "The resource principal named {0} was not found in the tenant."),
    700016: (400, "unauthorized_client", "Application with identifier '{0}' was not found in the directory."),
    900144: (400, "invalid_request", "The request body must contain the following parameter: '{0}'."),
    1002012: (400, "invalid_scope", "The provided value for scope {0} is not valid. It must end in /.default."),
    7000215: (401, "invalid_client", "Invalid client secret provided for app '{0}'."),
    7000218: (401, "invalid_client", "The request body must contain 'client_assertion' or 'client_secret'."),
    7000222: (401, "invalid_client", "The provided client secret keys for app '{0}' are expired."),
}


@dataclass
class TokenError(Exception):
    """A refusal to issue a token."""

    number: int
    status: int
    error: str
    text: str

    @classmethod
    def of(cls, number: int, detail: str = "") -> Self:
        """The table's entry for this AADSTS number."""
        status, error, text = _TABLE[number]
        return cls(number, status, error, text.format(detail))

    def body(self, clock: TenantClock) -> dict[str, JsonValue]:
        """The answer's JSON."""
        trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
        stamp = clock.now().strftime("%Y-%m-%d %H:%M:%SZ")
        description = (
            f"AADSTS{self.number}: {self.text}\r\nTrace ID: {trace}\r\nCorrelation ID: {correlation}\r\n"
            f"Timestamp: {stamp}"
        )
        return {
            "error": self.error,
            "error_description": description,
            "error_codes": [self.number],
            "timestamp": stamp,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": f"https://login.microsoftonline.com/error?code={self.number}",
        }
