"""Access control. A v2 token is a table of endpoints, each Read or Read+Write, with an end; v1 has one token.

Invariant: a token opens nothing that is not in its table. Netskope "REST API v2 Overview": Read is GET, Read+Write
is GET, PUT, POST, PATCH and DELETE, header `Netskope-Api-Token`. The vendor's own client notes 403 for a bad token;
bodies are unconfirmed.
"""

from collections.abc import Callable, Iterable
from hmac import compare_digest
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from services.sandbox.netskope.errors import RefusedError, gateway, v1_error
from services.sandbox.netskope.kinds import ALERT_KINDS, EVENT_KINDS
from services.sandbox.netskope.switches import NetskopeSwitches

HEADER: Final = "netskope-api-token"

Access = Literal["read", "read+write"]

URL_LISTS: Final = "/api/v2/policy/urllist"
URL_LISTS_FILE: Final = "/api/v2/policy/urllist/file"
URL_LISTS_DEPLOY: Final = "/api/v2/policy/urllist/deploy"
POLICY_DEPLOY: Final = "/api/v2/policy/deploy"
PROFILES: Final = "/api/v2/profiles/destinations"
PROFILES_DEPLOY: Final = "/api/v2/profiles/destinations/deploy"
EXPORT: Final = "/api/v2/events/dataexport"
DATA: Final = "/api/v2/events/data"
DATA_SEARCH: Final = "/api/v2/events/datasearch"

ENDPOINTS: Final = (
    *(f"{EXPORT}/alerts/{kind}" for kind in ALERT_KINDS),
    *(f"{EXPORT}/events/{kind}" for kind in EVENT_KINDS),
    *(f"{base}/{kind}" for base in (DATA, DATA_SEARCH) for kind in EVENT_KINDS),
    *(URL_LISTS, URL_LISTS_FILE, URL_LISTS_DEPLOY, POLICY_DEPLOY, PROFILES, PROFILES_DEPLOY),
)


class Token(BaseModel):
    """A v2 token. `scopes` maps an endpoint to its access; `expires_at` is epoch seconds, null never."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    value: SecretStr
    name: Annotated[str, Field(min_length=1, description="shown as modify_by of what it changes")] = "API Token"
    scopes: dict[str, Access]
    expires_at: float | None = None


def full_access(value: str, name: str = "API Token", expires_at: float | None = None) -> Token:
    """A token that may read and write every endpoint there is."""
    scopes: dict[str, Access] = dict.fromkeys(ENDPOINTS, "read+write")
    return Token(value=SecretStr(value), name=name, scopes=scopes, expires_at=expires_at)


class Auth:
    """The tokens of a tenant as they are now."""

    def __init__(
        self,
        tokens: Iterable[Token],
        v1_token: SecretStr | None,
        switches: NetskopeSwitches,
        clock: Callable[[], float],
    ) -> None:
        self.tokens = list(tokens)
        self.v1_token = v1_token
        self._switches = switches
        self._clock = clock

    def v2(self, value: str | None, endpoint: str, method: str, *, expired: bool = False) -> str:
        """The name of the token. `expired` answers as for one that is. Raises RefusedError 403 (or as switched)."""
        token = next((held for held in self.tokens if _same(held.value, value)), None)
        if token is None:
            raise self._refused("Invalid API token")
        if expired or (token.expires_at is not None and token.expires_at <= self._clock()):
            raise self._refused("API token is expired")
        access = token.scopes.get(endpoint)
        if access is None:
            raise self._refused("API token has no access to this endpoint")
        if access == "read" and method not in {"GET", "HEAD"}:
            raise self._refused("API token has no write access to this endpoint")
        return token.name

    def v1(self, value: object, *, expired: bool = False) -> None:
        """Checks the v1 token. Raises RefusedError 403 (or as switched)."""
        if expired or self.v1_token is None or not isinstance(value, str) or not _same(self.v1_token, value):
            raise v1_error("Authorization Error", "Invalid or expired token", status=self._switches.v1_bad_token_status)

    def _refused(self, message: str) -> RefusedError:
        return gateway(self._switches.bad_token_status, message)


def _same(held: SecretStr, given: str | None) -> bool:
    return given is not None and compare_digest(held.get_secret_value().encode(), given.encode())
