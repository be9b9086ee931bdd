"""Refusals of the tenant: a status and its JSON body.

Invariant: a request that raises a refusal has changed nothing.
"""

from collections.abc import Sequence
from typing import Final

UNKNOWN_ROUTE: Final = "no Route matched with those values"
RATE_EXCEEDED: Final = "API rate limit exceeded"


class RefusedError(Exception):
    """The tenant refuses a request. `status` is the HTTP status; v1 answers many errors with 200."""

    def __init__(self, status: int, body: dict[str, object]) -> None:
        super().__init__(f"{status} {body}")
        self.status = status
        self.body = body


def gateway(status: int, message: str) -> RefusedError:
    """The gateway's own style, `{"message": text}` (Netskope "REST API v2 Overview"; 401/403 bodies unconfirmed)."""
    return RefusedError(status, {"message": message})


def service(status: int, error: str, message: str | Sequence[object]) -> RefusedError:
    """The policy service's style: `statusCode`, `message` (text or array), `error` (seen in connectors)."""
    return RefusedError(status, {"statusCode": status, "message": message, "error": error})


def bad_request(message: str | Sequence[object], status: int = 400) -> RefusedError:
    """A body or parameter that cannot be used. `status` for what vendors' answers differ on."""
    titles = {400: "Bad Request", 409: "Conflict", 413: "Payload Too Large", 422: "Unprocessable Entity"}
    return service(status, titles[status], message)


def not_found(message: str) -> RefusedError:
    """The route exists, the resource does not (wording unconfirmed)."""
    return service(404, "Not Found", message)


def v1_error(code: str, *errors: str, status: int = 200) -> RefusedError:
    """An error of API v1, which arrives with HTTP 200 as a rule (Netskope "REST API v1 Overview")."""
    return RefusedError(status, {"status": "error", "errorCode": code, "errors": list(errors)})
