"""Errors of calls to a vendor. Each names connection, route and remedy.

VendorError
├─ MisconfiguredError   no call can succeed until a person changes something
│  ├─ SecretMissingError   a secret is not where the connection says it is
│  └─ CredentialsError     the directory refuses the app or its secret, or the app lacks a role
│     └─ SecretExpiredError   the secret has expired
├─ UnreachableError     no answer: not connected, timed out, reset
├─ BrokenAnswerError    an answer that is cut, empty or not JSON; the vendor may have acted
├─ ThrottledError       a quota is used up, the vendor's (429) or our own, for `retry_after` seconds
├─ UnavailableError     5xx
└─ RefusedError         3xx, 4xx, or an error that arrives with 200; `status`, `code`, `message`, `body`
   ├─ UnauthorizedError    401: the token
   ├─ ForbiddenError       403: its permissions (Netskope: also a wrong or expired token)
   ├─ NotFoundError        404
   └─ ConflictError        409
StoppedError            a wait ended because the service stops; not a VendorError
"""


class StoppedError(Exception):
    """The service stops while a call waits for its quota or its next attempt. No request is in flight."""


class VendorError(Exception):
    """A failed call. The text is one line for people, without secrets, query strings or bodies."""

    transient = True
    """Whether the same call may succeed later without a change by a person."""

    def __init__(self, connection: str, route: str, text: str, *, may_have_acted: bool = False) -> None:
        super().__init__(f"connection {connection}, {route}: {text}")
        self.connection = connection
        self.route = route
        self.text = text
        self.may_have_acted = may_have_acted
        """Whether the vendor may have carried out the request despite the error."""


class MisconfiguredError(VendorError):
    """A person must change the connection, its secret or the vendor's settings."""

    transient = False


class SecretMissingError(MisconfiguredError):
    """A secret cannot be read from where the connection says it is."""


class CredentialsError(MisconfiguredError):
    """The directory refuses app or secret, or issues tokens without a required role."""


class SecretExpiredError(CredentialsError):
    """The directory says that the secret has expired."""


class UnreachableError(VendorError):
    """No answer. `kind` is one of connect, dns, tls, proxy, timeout, reset, protocol."""

    def __init__(self, connection: str, route: str, text: str, *, kind: str, may_have_acted: bool) -> None:
        super().__init__(connection, route, text, may_have_acted=may_have_acted)
        self.kind = kind


class BrokenAnswerError(VendorError):
    """An unreadable answer. `kind` is one of cut, empty, malformed, unexpected; `content` is its body."""

    def __init__(self, connection: str, route: str, text: str, *, kind: str, content: bytes = b"") -> None:
        super().__init__(connection, route, text, may_have_acted=True)
        self.kind = kind
        self.content = content


class ThrottledError(VendorError):
    """Too many calls. `retry_after`: seconds until the next call is admitted."""

    def __init__(self, connection: str, route: str, text: str, *, retry_after: float) -> None:
        super().__init__(connection, route, text)
        self.retry_after = retry_after


class UnavailableError(VendorError):
    """The vendor failed (5xx, 408). `retry_after`: the wait that it requests, in seconds, or None."""

    def __init__(
        self, connection: str, route: str, text: str, *, status: int, retry_after: float | None = None
    ) -> None:
        super().__init__(connection, route, text, may_have_acted=True)
        self.status = status
        self.retry_after = retry_after


class RefusedError(VendorError):
    """The vendor refused the request. `body` is its parsed JSON or None, for details that a client knows."""

    transient = False

    def __init__(
        self, connection: str, route: str, text: str, *, status: int, code: str, message: str, body: object
    ) -> None:
        super().__init__(connection, route, text)
        self.status = status
        self.code = code
        self.message = message
        self.body = body


class UnauthorizedError(RefusedError):
    """401: the token is missing, wrong or expired."""


class ForbiddenError(RefusedError):
    """403: the token lacks a permission. Netskope also answers 403 for wrong and expired tokens."""


class NotFoundError(RefusedError):
    """404: no such thing, or no such route."""


class ConflictError(RefusedError):
    """409: another change is in progress, or a name is taken."""

    transient = True


BY_STATUS: dict[int, type[RefusedError]] = {
    401: UnauthorizedError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
}
