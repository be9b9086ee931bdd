"""Everything that can go wrong with a call to a vendor. Each error names connection and route and says what to do.

VendorError
├─ MisconfiguredError   nothing was sent, or nothing can succeed, until a person changes something
│  ├─ SecretMissingError   a secret is not where the connection says it is
│  └─ CredentialsError     the directory refuses the app or its secret, or the app lacks a role
│     └─ SecretExpiredError   because the secret has expired
├─ UnreachableError     no answer: not connected, timed out, reset
├─ BrokenAnswerError    an answer that is cut, empty or not JSON; the vendor may have acted
├─ ThrottledError       a quota is used up, the vendor's (429) or our own; `retry_after` says for how long
├─ UnavailableError     5xx
└─ RefusedError         3xx, 4xx, or an error that arrives with 200; `status`, `code`, `message`, `body`
   ├─ UnauthorizedError    401: the token
   ├─ ForbiddenError       403: its permissions (Netskope: also a wrong or expired token)
   ├─ NotFoundError        404
   └─ ConflictError        409
StoppedError            a wait ended because the service was asked to leave; not the vendor's doing
"""


class StoppedError(Exception):
    """The service was asked to leave while a call waited for its quota or its next attempt. Nothing is in flight."""


class VendorError(Exception):
    """A call that did not succeed. The text is one line for people, without secrets, query strings or bodies."""

    transient = True
    """Whether the same call may succeed later with nobody changing anything."""

    def __init__(self, connection: str, route: str, text: str, *, may_have_acted: bool = False) -> None:
        super().__init__(f"connection {connection}, {route}: {text}")
        self.connection = connection
        self.route = route
        self.text = text
        self.may_have_acted = may_have_acted
        """Whether the vendor may have done what was asked in spite of the error."""


class MisconfiguredError(VendorError):
    """A person must change the connection, its secret or the vendor's settings."""

    transient = False


class SecretMissingError(MisconfiguredError):
    """A secret cannot be read from where the connection says it is."""


class CredentialsError(MisconfiguredError):
    """The directory refuses app or secret, or issues tokens without the role that is needed."""


class SecretExpiredError(CredentialsError):
    """The directory says that the secret has expired."""


class UnreachableError(VendorError):
    """No answer. `kind` is one of connect, dns, tls, proxy, timeout, reset, protocol."""

    def __init__(self, connection: str, route: str, text: str, *, kind: str, may_have_acted: bool) -> None:
        super().__init__(connection, route, text, may_have_acted=may_have_acted)
        self.kind = kind


class BrokenAnswerError(VendorError):
    """An answer that cannot be read. `kind` is one of cut, empty, malformed, unexpected; `content` is what came."""

    def __init__(self, connection: str, route: str, text: str, *, kind: str, content: bytes = b"") -> None:
        super().__init__(connection, route, text, may_have_acted=True)
        self.kind = kind
        self.content = content


class ThrottledError(VendorError):
    """Too many calls. `retry_after`: seconds until one will be admitted."""

    def __init__(self, connection: str, route: str, text: str, *, retry_after: float) -> None:
        super().__init__(connection, route, text)
        self.retry_after = retry_after


class UnavailableError(VendorError):
    """The vendor failed (5xx, 408). `retry_after`: seconds it asks for, or None when it does not say."""

    def __init__(
        self, connection: str, route: str, text: str, *, status: int, retry_after: float | None = None
    ) -> None:
        super().__init__(connection, route, text, may_have_acted=True)
        self.status = status
        self.retry_after = retry_after


class RefusedError(VendorError):
    """The vendor will not do this. `body` is its parsed JSON (None when it is none), for details a client knows."""

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
    """403: the token lacks a permission. Netskope answers so for wrong and expired tokens, too."""


class NotFoundError(RefusedError):
    """404: no such thing, or no such route."""


class ConflictError(RefusedError):
    """409: someone else is at it, or a name is taken."""

    transient = True


BY_STATUS: dict[int, type[RefusedError]] = {
    401: UnauthorizedError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
}
