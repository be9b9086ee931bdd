"""Tokens for Defender by client credentials: cached, renewed in time, checked for the role before first use.

Sources: Microsoft, "Create an app to access Microsoft Defender for Endpoint without a user" (request, answer, roles),
"Token Issuance Endpoint Errors" (shape), "Microsoft Entra authentication and authorization error codes" (AADSTS).
"""

import re
import time
from collections.abc import Callable, Mapping
from urllib.parse import quote

import jwt
from pydantic import BaseModel, Field, ValidationError

from services.runtime.observability import log
from services.runtime.secrets import Secret
from services.runtime.vendors.errors import BrokenAnswerError, CredentialsError, RefusedError, SecretExpiredError
from services.runtime.vendors.http import VendorHttp

ROUTE = "token"
ROLE_ALL = "Ti.ReadWrite.All"
ROLE_OWN = "Ti.ReadWrite"
RENEW_AT = 0.9
"""Share of its lifetime after which a token is renewed."""
_LASTS_MOST_S = 86_400
"""The longest lifetime that is believed: a token is renewed after a day at the latest."""

_LOG = log.get(__name__)
_AADSTS = re.compile(r"AADSTS(\d+)")
_TRACE = re.compile(r"\s*Trace ID:.*", re.DOTALL)
_EXPIRED = 7000222
_REMEDIES = {
    53003: "Conditional Access blocks the app; exempt it, or let the service's address through",
    70011: "spec.scope is not valid; leave it out, or end it in /.default",
    90002: "spec.tenantId is not a tenant of this cloud; copy the Directory (tenant) ID, and check spec.region",
    500011: "spec.scope names an API that the tenant does not have; leave it out to use the region's own",
    700016: "spec.appId is not known in this tenant; copy the Application (client) ID of the app registration",
    900023: "spec.tenantId is not a tenant id; copy the Directory (tenant) ID",
    1002012: "spec.scope must end in /.default; leave it out to use the region's own",
    7000112: "the app is disabled in this tenant; enable its enterprise application",
    7000215: "spec.appSecret is wrong; put the secret's value there (not its id), for this very app",
    7000218: "spec.appSecret did not arrive; put the secret's value where it points",
    _EXPIRED: "spec.appSecret has expired; make a new client secret and put its value there",
}


class _Token(BaseModel):
    access_token: str = Field(min_length=1)
    expires_in: int = Field(default=300, ge=0)  # the older endpoint sends it as a string, which pydantic reads


class TokenSource:
    """The access token of one app in one tenant. `http` has the login host as its base URL."""

    def __init__(
        self,
        http: VendorHttp,
        *,
        tenant_id: str,
        app_id: str,
        secret: Secret,
        scope: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.roles: frozenset[str] | None = None
        """Roles of the last token; None before the first, and for a token that cannot be read."""
        self._http = http
        self._path = f"/{quote(tenant_id, safe='')}/oauth2/v2.0/token"
        self._app_id = app_id
        self._secret = secret
        self._scope = scope
        self._clock = clock
        self._token = ""
        self._renew_at = 0.0

    def get(self) -> str:
        """Return a valid token; fetches one without retries if the present one is due for renewal.

        Raises:
            CredentialsError: app, secret or scope are refused, or the app has no role for indicators.
            SecretMissingError: the secret cannot be read.
            VendorError: the login host did not answer with a token.

        """
        if not self._token or self._clock() >= self._renew_at:
            self._token = ""
            self._token = self._fetch()
        return self._token

    def forget(self) -> None:
        """Drop the token; the next `get` fetches a new one."""
        self._token = ""

    def _fetch(self) -> str:
        form = {
            "grant_type": "client_credentials",
            "client_id": self._app_id,
            "client_secret": self._secret.read(),
            "scope": self._scope,
        }
        began = self._clock()
        try:
            parsed = self._http.request("POST", self._path, route=ROUTE, form=form).json()
        except RefusedError as error:
            raise self._explained(error) from error
        try:
            answer = _Token.model_validate(parsed)
        except ValidationError:
            # Not chained: pydantic quotes the answer, and with it the token.
            text = "the login host's answer holds no access token; check spec.loginUrl"
            raise BrokenAnswerError(self._http.connection, ROUTE, text, kind="unexpected") from None
        token = log.hide(answer.access_token)
        self._check_roles(token)
        self._renew_at = began + RENEW_AT * min(answer.expires_in, _LASTS_MOST_S)
        return token

    def _explained(self, error: RefusedError) -> CredentialsError:
        number = _number(error)
        remedy = _REMEDIES.get(number)
        if remedy:
            text = f"{remedy} (AADSTS{number})"
        elif error.status == 404 and not number:
            text = "there is no token endpoint; check spec.loginUrl and spec.tenantId"
        else:
            stated = _TRACE.sub("", error.message) or error.text
            text = (
                f"no token: {error.code or error.status}: {stated}; check spec.tenantId, spec.appId and spec.appSecret"
            )
        kind = SecretExpiredError if number == _EXPIRED else CredentialsError
        return kind(self._http.connection, ROUTE, text)

    def _check_roles(self, token: str) -> None:
        """Report missing roles early. The signature is not verified: the API does that."""
        try:
            claims = jwt.decode(token, options={"verify_signature": False})
        except jwt.InvalidTokenError:
            self.roles = None
            _LOG.debug("cannot read the token's roles", connection=self._http.connection)
            return
        listed = claims.get("roles")
        roles = frozenset(map(str, listed)) if isinstance(listed, list) else frozenset()
        if not roles & {ROLE_ALL, ROLE_OWN}:
            text = (
                f"the app has neither role {ROLE_ALL} nor {ROLE_OWN}; add {ROLE_ALL} of WindowsDefenderATP as an "
                "application permission and grant admin consent"
            )
            raise CredentialsError(self._http.connection, ROUTE, text)
        if ROLE_ALL not in roles and self.roles != roles:
            _LOG.warning(
                "the app can see and change only its own indicators",
                connection=self._http.connection,
                missing_role=ROLE_ALL,
            )
        self.roles = roles


def _number(error: RefusedError) -> int:
    if isinstance(error.body, Mapping):
        codes = error.body.get("error_codes")
        if isinstance(codes, list) and codes and isinstance(codes[0], int):
            return codes[0]
    found = _AADSTS.search(error.message)
    return int(found[1]) if found else 0
