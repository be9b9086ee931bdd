"""Sessions with Netskope: REST API v2 with a token in the header, v1 with a token in the body, paced by the answers.

Sources: Netskope, "REST API v2 Overview" (header, RateLimit headers), "REST API v1 Overview" (errors with 200, 24 calls
in 5 s), "Using the REST API v2 dataexport Iterator Endpoints" (4 calls a second per endpoint).
"""

import threading
from collections.abc import Mapping

import httpx

from schemas.resources import Connection
from schemas.vendors.netskope import NetskopeTenant
from services.runtime.secrets import Secret
from services.runtime.vendors.budget import Quotas, Window, shared_budget
from services.runtime.vendors.error_bodies import of_body
from services.runtime.vendors.errors import BrokenAnswerError, MisconfiguredError, RefusedError, UnauthorizedError
from services.runtime.vendors.http import THROTTLED_S, Answer, Params, VendorHttp
from services.runtime.vendors.retry import RetryPolicy
from services.runtime.vendors.session import BeforeCall, Session

ITERATOR, POLICY, V1 = "iterator", "policy", "v1"

QUOTAS: Quotas = {
    ITERATOR: (Window(4, 1),),
    POLICY: (Window(24, 5),),
    V1: (Window(24, 5),),
}
"""Calls by bucket. Each iterator endpoint has its own bucket, `iterator:<type>`. The number for v2 policy calls is
unconfirmed: it is that of v1, and RateLimit headers are obeyed as well."""

_LONGEST_PAUSE_S = 300.0
_HINTS = {
    401: "the token is wrong or expired; make one under REST API v2 and put it where spec.v2Token points",
    403: (
        "the token is wrong, expired, or has no access to this endpoint; check it under REST API v2, and whether the "
        "tenant allows this address"
    ),
    404: "check spec.tenantUrl",
}
_V1_HINT = "check the v1 token where spec.v1Token points"


class NetskopeSession(Session):
    """Calls to one Netskope tenant.

    Raises:
        TypeError: the connection is to another vendor.

    """

    def __init__(
        self,
        connection: Connection,
        stop: threading.Event,
        *,
        policy: RetryPolicy | None = None,
        before: BeforeCall | None = None,
        quotas: Quotas = QUOTAS,
        read_timeout_s: float = 60.0,
    ) -> None:
        spec = connection.spec
        if not isinstance(spec, NetskopeTenant):
            raise TypeError(f"connection {connection.name} is of type {spec.type}, not netskope")
        url = str(spec.tenant_url).rstrip("/")
        http = VendorHttp(
            connection.name,
            url,
            url_field="spec.tenantUrl",
            tls=spec.tls,
            proxy=str(spec.proxy) if spec.proxy else None,
            read_timeout_s=read_timeout_s,
            throttled_s=policy.throttled_s if policy else THROTTLED_S,
            hints=_HINTS,
        )
        budget = shared_budget("netskope", url, "", quotas)
        super().__init__(connection.name, http, budget, stop, policy=policy, before=before)
        self._v2_token = Secret(spec.v2_token, connection.name, "spec.v2Token")
        self._v1_token = Secret(spec.v1_token, connection.name, "spec.v1Token") if spec.v1_token else None

    def call_v2(
        self,
        method: str,
        path: str,
        *,
        route: str,
        bucket: str,
        params: Params | None = None,
        json: object = None,
        repeatable: bool,
        empty_ok: bool = False,
        read_timeout_s: float | None = None,
    ) -> object:
        """Make one v2 call under quota, with retries. Returns the parsed body, None for an allowed empty one.

        `path` begins with `/api/v2/`; quote its parts. `route` names the call in metrics and texts. `repeatable`:
        repeating the call has no further effect; false for an iterator's `next`, which moves the cursor.

        Raises:
            StoppedError: `stop` was set while waiting.
            VendorError: the call failed after all attempts. 409 is ConflictError and left to the caller.

        """

        def once() -> object:
            answer = self._sent_v2(bucket, route, method, path, params=params, json=json, read_timeout_s=read_timeout_s)
            return self._checked(answer, answer.json(empty_ok=empty_ok))

        return self._repeated(once, route, repeatable=repeatable)

    def read_v2(self, path: str, *, route: str, bucket: str, params: Params) -> tuple[object, bytes]:
        """Send one v2 GET without retries. Returns the parsed body and its bytes. Raises as `call_v2`."""

        def once() -> tuple[object, bytes]:
            answer = self._sent_v2(bucket, route, "GET", path, params=params, json=None)
            return self._checked(answer, answer.json()), answer.content

        return self._repeated(once, route, repeatable=False)

    def _sent_v2(
        self,
        bucket: str,
        route: str,
        method: str,
        path: str,
        *,
        json: object,
        params: Params | None,
        read_timeout_s: float | None = None,
    ) -> Answer:
        headers = {"Netskope-Api-Token": self._v2_token.read()}
        return self._paced(
            bucket, route, method, path, params=params, json=json, headers=headers, read_timeout_s=read_timeout_s
        )

    def call_v1(
        self,
        method: str,
        path: str,
        *,
        route: str,
        json: Mapping[str, object],
        bucket: str = V1,
        repeatable: bool = True,
        read_timeout_s: float | None = None,
    ) -> object:
        """Make one v1 call, with the token in the body. Returns the parsed body. Raises errors that arrive with 200.

        Raises:
            MisconfiguredError: the connection has no v1 token.
            BrokenAnswerError: also for an answer that states neither success nor an error.
            RefusedError: also for `"status": "error"`; `message` holds the vendor's `errors`.
            StoppedError, VendorError: as `call_v2`.

        """
        token = self._v1_token
        if token is None:
            text = "spec.v1Token: file-hash lists need API v1; set where its token is"
            raise MisconfiguredError(self.name, route, text)

        def once() -> object:
            body = {**json, "token": token.read()}
            answer = self._paced(bucket, route, method, path, json=body, read_timeout_s=read_timeout_s)
            return self._succeeded(answer, self._checked(answer, answer.json()))

        return self._repeated(once, route, repeatable=repeatable)

    def _paced(
        self,
        bucket: str,
        route: str,
        method: str,
        path: str,
        *,
        json: object,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
        read_timeout_s: float | None = None,
    ) -> Answer:
        answer = self._within_budget(
            bucket,
            route,
            lambda: self._http.request(
                method, path, route=route, params=params, json=json, headers=headers, read_timeout_s=read_timeout_s
            ),
        )
        pause = _pause(answer.headers)
        if pause:
            self.budget.penalise(bucket, pause)
        return answer

    def _checked(self, answer: Answer, body: object) -> object:
        """Return the body; raise if it states an error despite its status 200."""
        if not isinstance(body, Mapping) or (_status(body) != "error" and body.get("ok", 1) not in (0, False)):
            return body
        raise self._refused(answer, body)

    def _succeeded(self, answer: Answer, body: object) -> object:
        """Return a v1 body that states `success`; raise for all others."""
        if isinstance(body, Mapping) and _status(body) == "success":
            return body
        if isinstance(body, Mapping) and (body.get("errorCode") or body.get("errors")):
            raise self._refused(answer, body)
        text = f"answer {answer.status} states neither success nor an error, so the outcome is unknown"
        raise BrokenAnswerError(self.name, answer.route, text, kind="unexpected", content=answer.content)

    def _refused(self, answer: Answer, body: Mapping[str, object]) -> RefusedError:
        stated = of_body(body)
        code = body.get("errorCode")  # `error` may be a text that repeats the request
        denied = isinstance(code, str) and "authoriz" in code.lower()
        kind = UnauthorizedError if denied else RefusedError
        parts = (f"{answer.status} with an error", stated.code, stated.message)
        text = ": ".join(filter(None, parts)) + (f"; {_V1_HINT}" if denied else "")
        return kind(
            self.name, answer.route, text, status=answer.status, code=stated.code, message=stated.message, body=body
        )


def _status(body: Mapping[str, object]) -> str:
    status = body.get("status")
    return status.strip().lower() if isinstance(status, str) else ""


def _pause(headers: httpx.Headers) -> float:
    """Return the seconds to wait before the next call if this answer used up the vendor's window, else 0."""
    try:
        if float(headers.get("RateLimit-Remaining", "1")) > 0:
            return 0.0
        reset = float(headers.get("RateLimit-Reset", "0"))
    except ValueError:
        return 0.0
    return reset if 0 < reset <= _LONGEST_PAUSE_S else 0.0
