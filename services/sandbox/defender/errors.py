"""The error envelope of the API and its documented codes.

Every error is `{"error": {"code", "message", "target"}}` with a `target` of its own. Source: Microsoft,
"Common REST API error codes".
"""

import uuid
from enum import StrEnum

import orjson
from starlette.responses import Response


class Code(StrEnum):
    """The documented error codes."""

    BAD_REQUEST = "BadRequest"
    ODATA_ERROR = "ODataError"
    INVALID_INPUT = "InvalidInput"
    INVALID_REQUEST_BODY = "InvalidRequestBody"
    INVALID_HASH_VALUE = "InvalidHashValue"
    INVALID_DOMAIN_NAME = "InvalidDomainName"
    INVALID_IP_ADDRESS = "InvalidIpAddress"
    INVALID_URL = "InvalidUrl"
    MAXIMUM_BATCH_SIZE_EXCEEDED = "MaximumBatchSizeExceeded"
    MISSING_REQUIRED_PARAMETER = "MissingRequiredParameter"
    UNAUTHORIZED = "Unauthorized"
    FORBIDDEN = "Forbidden"
    DISABLED_FEATURE = "DisabledFeature"
    DISALLOWED_OPERATION = "DisallowedOperation"
    NOT_FOUND = "NotFound"
    RESOURCE_NOT_FOUND = "ResourceNotFound"
    TOO_MANY_REQUESTS = "TooManyRequests"
    INTERNAL_SERVER_ERROR = "InternalServerError"


_STATUS = {
    Code.UNAUTHORIZED: 401,
    Code.FORBIDDEN: 403,
    Code.DISABLED_FEATURE: 403,
    Code.DISALLOWED_OPERATION: 403,
    Code.NOT_FOUND: 404,
    Code.RESOURCE_NOT_FOUND: 404,
    Code.TOO_MANY_REQUESTS: 429,
    Code.INTERNAL_SERVER_ERROR: 500,
}

_BY_STATUS = {
    401: (Code.UNAUTHORIZED, "The authorization header is invalid or expired."),
    403: (Code.FORBIDDEN, "The token is valid but lacks the permission for this operation."),
    404: (Code.NOT_FOUND, "General Not Found error message."),
    429: (Code.TOO_MANY_REQUESTS, "Response represents reaching quota limit either by number of requests or by CPU."),
    500: (Code.INTERNAL_SERVER_ERROR, ""),
}


class ApiError(Exception):
    """An answer in the error envelope. Inside an import its message becomes a row's failureReason."""

    def __init__(self, code: Code, message: str, *, status: int | None = None, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status or _STATUS.get(code, 400)
        self.retry_after = retry_after

    def response(self) -> Response:
        """The envelope as an HTTP answer."""
        headers = {"WWW-Authenticate": "Bearer"} if self.status == 401 else {}
        if self.retry_after is not None:
            headers["Retry-After"] = str(self.retry_after)
        body = {"error": {"code": self.code, "message": self.message, "target": str(uuid.uuid4())}}
        return Response(orjson.dumps(body), self.status, headers, media_type="application/json")


def status_response(status: int) -> Response:
    """What the service, or the gateway before it (502 to 504: HTML), answers with this status."""
    if status in {502, 503, 504}:
        page = f"<html><head><title>{status}</title></head><body><h1>Service unavailable</h1></body></html>"
        return Response(page, status, media_type="text/html")
    code, message = _BY_STATUS.get(status, (Code.BAD_REQUEST, "General Bad Request error message."))
    return ApiError(code, message, status=status).response()


def invalid_body(detail: str) -> ApiError:
    """The body, or one row of it, cannot be bound to the documented shape."""
    return ApiError(Code.INVALID_REQUEST_BODY, f"Request body is incorrect: {detail}")


def missing(name: str) -> ApiError:
    """A required property is absent, null or spelt in another case."""
    return ApiError(Code.MISSING_REQUIRED_PARAMETER, f"Parameter {name} is missing.")


def not_found(what: str) -> ApiError:
    """No such row, or none this app may see."""
    return ApiError(Code.RESOURCE_NOT_FOUND, f"Resource {what} wasn't found.")
