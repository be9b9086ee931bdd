"""The directory's token endpoints, and the check of a bearer token at the API.

A token is a JWT in v1 format with a `roles` claim; only the directory can tell whether it is genuine, so clients may
decode it without verifying. Lifetime is read from the tenant's clock, never from the machine's.

Sources: Microsoft, "Create an app to access Microsoft Defender for Endpoint without a user" (request and answer);
"Microsoft Entra authentication and authorization error codes" (AADSTS numbers). HTTP statuses: as generally seen.
"""

import secrets
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import jwt
from pydantic import JsonValue

from services.sandbox.defender.errors import ApiError, Code
from services.sandbox.defender.settings import AppRegistration, DefenderTenant
from services.sandbox.defender.switches import DefenderSwitches
from services.sandbox.defender.token_errors import TokenError
from services.sandbox.tenant.clock import TenantClock

_HOSTS = frozenset(
    {
        "https://api.securitycenter.microsoft.com",
        "https://api.securitycenter.windows.com",
        "https://securitycenter.onmicrosoft.com/windowsatpservice",
        "https://api-gcc.securitycenter.microsoft.us",
        "https://api-gov.securitycenter.microsoft.us",
    }
)
"""Resources of the service. Microsoft: "Create an app…", "US Government"; seen in connectors (…windows.com)."""

_REGIONAL = frozenset(
    {"https://api.security.microsoft.com"}
    | {f"https://{region}.api.security.microsoft.com" for region in ("us", "eu", "uk", "au", "swa", "ina", "aea")}
)
_OTHERS = frozenset({"https://graph.microsoft.com", "https://management.azure.com"})
"""Resources every directory knows: tokens are issued, and refused by this API for their audience."""

_DEFAULT = "/.default"


@dataclass(frozen=True)
class Caller:
    """Who a valid token speaks for."""

    app_id: str
    display_name: str
    roles: frozenset[str]
    device_groups: frozenset[str] | None


class Directory:
    """Issues and checks the tokens of one tenant."""

    def __init__(self, settings: DefenderTenant, switches: Callable[[], DefenderSwitches], clock: TenantClock) -> None:
        self.issued = 0
        self._settings = settings
        self._switches = switches
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._live: set[str] = set()

    def revoke_all(self) -> None:
        """Every token issued so far is invalid from now on."""
        self._live.clear()

    def reset(self) -> None:
        """Forget all tokens and how many there were."""
        self.revoke_all()
        self.issued = 0

    def token_v2(self, tenant: str, form: Mapping[str, str], own_url: str) -> dict[str, JsonValue]:
        """Answer of `/{tenant}/oauth2/v2.0/token`. Raises TokenError."""
        app = self._authenticate(tenant, form, "scope")
        scope = form["scope"]
        if not scope.endswith(_DEFAULT):
            raise TokenError.of(1002012, scope)
        resource = scope.removesuffix(_DEFAULT)
        lifetime = self._switches().token_lifetime
        token = self._mint(app, self._known(resource, own_url), lifetime)
        return {"token_type": "Bearer", "expires_in": lifetime, "ext_expires_in": lifetime, "access_token": token}

    def token_v1(self, tenant: str, form: Mapping[str, str], own_url: str) -> dict[str, JsonValue]:
        """Answer of `/{tenant}/oauth2/token`: every number is a string. Raises TokenError."""
        app = self._authenticate(tenant, form, "resource")
        resource = self._known(form["resource"], own_url)
        lifetime, now = self._switches().token_lifetime, int(self._clock.time())
        return {
            "token_type": "Bearer",
            "expires_in": str(lifetime),
            "ext_expires_in": str(lifetime),
            "expires_on": str(now + lifetime),
            "not_before": str(now),
            "resource": resource,
            "access_token": self._mint(app, resource, lifetime),
        }

    def verify(self, authorization: str | None) -> Caller:
        """The caller behind an Authorization header. Raises ApiError 401: missing, foreign, expired, wrong audience."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise ApiError(Code.UNAUTHORIZED, "The authorization header is missing or is not a bearer token.")
        try:
            # Time is checked below, by the tenant's clock; the audience, against all names of the service.
            options: jwt.types.Options = {"verify_exp": False, "verify_nbf": False, "verify_iat": False}
            claims = jwt.decode(token, self._key, ["HS256"], options={**options, "verify_aud": False})
        except jwt.InvalidTokenError as error:
            raise ApiError(Code.UNAUTHORIZED, f"The token is invalid: {error}") from error
        if claims["exp"] <= self._clock.time() or claims["uti"] not in self._live:
            raise ApiError(Code.UNAUTHORIZED, "The token has expired.")
        if claims["aud"] in _OTHERS:
            raise ApiError(Code.UNAUTHORIZED, f"The token's audience {claims['aud']} is not this API.")
        app = self._settings.app(claims["appid"])
        if app is None:
            raise ApiError(Code.UNAUTHORIZED, "The token's app is not registered in this tenant.")
        groups = None if app.device_groups is None else frozenset(app.device_groups)
        return Caller(app.app_id, app.display_name, frozenset(claims["roles"]), groups)

    def _authenticate(self, tenant: str, form: Mapping[str, str], wanted: str) -> AppRegistration:
        if tenant.lower() != self._settings.tenant_id.lower():
            raise TokenError.of(90002, tenant)
        for name in ("grant_type", "client_id", wanted):
            if not form.get(name):
                raise TokenError.of(900144, name)
        if form["grant_type"] != "client_credentials":
            raise TokenError.of(70003, form["grant_type"])
        app = self._settings.app(form["client_id"])
        if app is None:
            raise TokenError.of(700016, form["client_id"])
        if not form.get("client_secret"):
            raise TokenError.of(7000218)
        if not secrets.compare_digest(form["client_secret"].encode(), app.secret.encode()):
            raise TokenError.of(7000215, app.app_id)
        if app.secret_expired or self._switches().secrets_expired:
            raise TokenError.of(7000222, app.app_id)
        return app

    def _known(self, resource: str, own_url: str) -> str:
        known = _HOSTS | _OTHERS
        if self._switches().regional_audience:
            known |= _REGIONAL | {own_url}
        if resource.rstrip("/") not in known:
            raise TokenError.of(500011, resource)
        return resource.rstrip("/")

    def _mint(self, app: AppRegistration, audience: str, lifetime: int) -> str:
        now, tenant = int(self._clock.time()), self._settings.tenant_id
        roles = self._switches().roles
        uti = secrets.token_urlsafe(16)
        subject = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{tenant}/{app.app_id}"))
        claims = {
            "aud": audience,
            "iss": f"https://sts.windows.net/{tenant}/",
            "iat": now,
            "nbf": now,
            "exp": now + lifetime,
            "appid": app.app_id,
            "appidacr": "1",
            "app_displayname": app.display_name,
            "idtyp": "app",
            "oid": subject,
            "sub": subject,
            "tid": tenant,
            "roles": list(app.roles if roles is None else roles),
            "uti": uti,
            "ver": "1.0",
        }
        self._live.add(uti)
        self.issued += 1
        return jwt.encode(claims, self._key, "HS256")
