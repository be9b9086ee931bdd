"""Sessions with Microsoft Defender for Endpoint: hosts by region, tokens, quotas, calls.

Sources: Microsoft, "Supported Microsoft Defender for Endpoint APIs" (hosts), "Microsoft Defender for Endpoint for US
Government customers" (gcc, gcc-high), and the pages of the single APIs (quotas).
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from schemas.resources import Connection
from schemas.vendors.defender import DefenderTenant, Region
from services.runtime.observability import metrics
from services.runtime.secrets import Secret
from services.runtime.vendors.budget import Quotas, Window, shared_budget
from services.runtime.vendors.entra import ROLE_ALL, ROUTE, TokenSource
from services.runtime.vendors.errors import ForbiddenError, UnauthorizedError
from services.runtime.vendors.http import THROTTLED_S, Answer, Params, VendorHttp
from services.runtime.vendors.retry import RetryPolicy
from services.runtime.vendors.session import BeforeCall, Session


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The API host, login host and scope of a region."""

    api_url: str
    login_url: str
    scope: str


_COMMERCIAL_LOGIN = "https://login.microsoftonline.com"
_COMMERCIAL_SCOPE = "https://api.securitycenter.microsoft.com/.default"
"""For all commercial hosts. Whether a regional host is a resource of its own in every tenant is unconfirmed."""


def _commercial(host: str) -> Endpoints:
    return Endpoints(f"https://{host}", _COMMERCIAL_LOGIN, _COMMERCIAL_SCOPE)


def _government(host: str, login_url: str) -> Endpoints:
    return Endpoints(f"https://{host}", login_url, f"https://{host}/.default")


REGIONS: dict[Region, Endpoints] = {
    "global": _commercial("api.security.microsoft.com"),
    "us": _commercial("us.api.security.microsoft.com"),
    "eu": _commercial("eu.api.security.microsoft.com"),
    "uk": _commercial("uk.api.security.microsoft.com"),
    "au": _commercial("au.api.security.microsoft.com"),
    "swa": _commercial("swa.api.security.microsoft.com"),
    "ina": _commercial("ina.api.security.microsoft.com"),
    "aea": _commercial("aea.api.security.microsoft.com"),
    "gcc": _government("api-gcc.securitycenter.microsoft.us", _COMMERCIAL_LOGIN),
    "gcc-high": _government("api-gov.securitycenter.microsoft.us", "https://login.microsoftonline.us"),
}
"""aea: seen in connectors. gcc-high also serves DoD."""

LIST, SUBMIT, IMPORT, DELETE, BATCH_DELETE = "list", "submit", "import", "delete", "batch_delete"

QUOTAS: Quotas = {
    LIST: (Window(100, 60), Window(1_500, 3_600)),
    SUBMIT: (Window(100, 60), Window(1_500, 3_600)),
    IMPORT: (Window(30, 60),),
    DELETE: (Window(100, 60), Window(1_500, 3_600)),
    BATCH_DELETE: (Window(30, 60), Window(1_500, 3_600)),
}
"""Calls by bucket. Microsoft: List Indicators, Submit or Update Indicator, Import Indicators, Delete Indicator,
Batch Delete Indicators API. Reading one indicator is not documented; it counts as a listing."""

MOST_INDICATORS = 15_000
"""Active indicators that a tenant may have, including those of others. Microsoft: "Overview of indicators"."""

_HINTS = {
    401: "the API refuses the directory's token; check spec.scope and spec.region",
    403: f"the app may not do this; grant it {ROLE_ALL} of WindowsDefenderATP with admin consent",
}


def endpoints_of(spec: DefenderTenant) -> Endpoints:
    """Return the URLs and scope of the connection's region, with the connection's overrides."""
    region = REGIONS[spec.region]
    return Endpoints(
        api_url=str(spec.api_url or region.api_url).rstrip("/"),
        login_url=str(spec.login_url or region.login_url).rstrip("/"),
        scope=spec.scope or region.scope,
    )


class DefenderSession(Session):
    """Calls to one Defender tenant.

    Raises:
        TypeError: the connection is to another vendor.

    """

    def __init__(
        self,
        connection: Connection,
        stop: threading.Event,
        *,
        clock: Callable[[], float] = time.monotonic,
        policy: RetryPolicy | None = None,
        before: BeforeCall | None = None,
        quotas: Quotas = QUOTAS,
        read_timeout_s: float = 60.0,
    ) -> None:
        spec = connection.spec
        if not isinstance(spec, DefenderTenant):
            raise TypeError(f"connection {connection.name} is of type {spec.type}, not defender")
        where, proxy = endpoints_of(spec), str(spec.proxy) if spec.proxy else None

        def http(url: str, field: str) -> VendorHttp:
            return VendorHttp(
                connection.name,
                url,
                url_field=field,
                tls=spec.tls,
                proxy=proxy,
                read_timeout_s=read_timeout_s,
                throttled_s=policy.throttled_s if policy else THROTTLED_S,
                hints=_HINTS,
            )

        url = where.api_url if spec.api_url else ""
        budget = shared_budget("defender", spec.tenant_id, spec.app_id, quotas, url=url)
        super().__init__(
            connection.name, http(where.api_url, "spec.apiUrl"), budget, stop, policy=policy, before=before
        )
        self._login = http(where.login_url, "spec.loginUrl")
        self._tokens = TokenSource(
            self._login,
            tenant_id=spec.tenant_id,
            app_id=spec.app_id,
            secret=Secret(spec.app_secret, connection.name, "spec.appSecret"),
            scope=where.scope,
            clock=clock,
        )

    @property
    def roles(self) -> frozenset[str] | None:
        """The app's roles; None before the first call, and if the token does not state them."""
        return self._tokens.roles

    def close(self) -> None:
        """Close the connections."""
        super().close()
        self._login.close()

    def listed(self, rows: int) -> None:
        """Record how many active indicators a full listing of the tenant had."""
        metrics.CAPACITY_USED.labels(self.name).set(rows)
        metrics.CAPACITY_LIMIT.labels(self.name).set(MOST_INDICATORS)

    def sign_in(self) -> None:
        """Get a token and check its roles, without calling the API. Raises VendorError as `call` does."""
        self._repeated(self._tokens.get, ROUTE, repeatable=True)

    def call(
        self,
        method: str,
        path: str,
        *,
        route: str,
        bucket: str,
        params: Params | None = None,
        json: object = None,
        repeatable: bool = True,
        empty_ok: bool = False,
        read_timeout_s: float | None = None,
    ) -> object:
        """Make one call under quota, with a token and retries. Returns the parsed body, None for 204.

        `path` begins with `/api/`; quote its parts. `route` names the call in metrics and texts, for example
        `import`. `repeatable`: repeating the call has no further effect; true of all indicator calls, since submitting
        is an upsert (a repeated BatchDelete may get 404 for what its first try deleted).

        Raises:
            StoppedError: `stop` was set while waiting.
            VendorError: the call failed after all attempts.

        """

        def send() -> Answer:
            headers = {"Authorization": f"Bearer {self._tokens.get()}"}
            return self._within_budget(
                bucket,
                route,
                lambda: self._http.request(
                    method,
                    path,
                    route=route,
                    params=params,
                    json=json,
                    headers=headers,
                    read_timeout_s=read_timeout_s,
                ),
            )

        return self._repeated(
            lambda: self._with_valid_token(send).json(empty_ok=empty_ok), route, repeatable=repeatable
        )

    def _with_valid_token(self, send: Callable[[], Answer]) -> Answer:
        """Send; after a 401 send once more with a new token, since a token may be revoked early."""
        try:
            return self._sent(send)
        except UnauthorizedError:
            return self._sent(send)

    def _sent(self, send: Callable[[], Answer]) -> Answer:
        try:
            return send()
        except (UnauthorizedError, ForbiddenError):
            self._tokens.forget()  # a new token may work: it has permissions granted meanwhile
            raise
