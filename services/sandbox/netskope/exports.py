"""Routes that read records: the iterators, the older queries, and v1's list of alerts.

Netskope "Using the REST API v2 dataexport Iterator Endpoints": one quota per endpoint, whatever the index. Parameters
of the older queries as seen in connectors; their order of records is unconfirmed: here that of insertion.
"""

import asyncio
import re
import time
from collections.abc import Mapping
from typing import Final

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.sandbox.netskope import auth
from services.sandbox.netskope.errors import RefusedError, gateway, v1_error
from services.sandbox.netskope.events import alert_type
from services.sandbox.netskope.gate import Gate
from services.sandbox.netskope.iterators import CONCURRENCY as CONCURRENCY_TEXT
from services.sandbox.netskope.kinds import ALERT_KINDS, EVENT_KINDS
from services.sandbox.netskope.query import compiled
from services.sandbox.netskope.streams import Stream
from services.sandbox.netskope.tenant import CONCURRENCY, EXPIRED_TOKEN, ITERATOR_BUCKET, POLICY_BUCKET, Tenant
from services.sandbox.tenant.admin import json_response

_MOST: Final = 10_000
_COUNT: Final = re.compile(r"(\w+):count\(\w+\)")
_TIMES: Final = (("starttime", "endtime"), ("insertionstarttime", "insertionendtime"))


def export_routes(tenant: Tenant, gate: Gate) -> list[Route]:
    """The iterators and the older queries of v2, and `/api/v1/alerts`."""
    kinds = [f"alerts/{kind}" for kind in ALERT_KINDS] + [f"events/{kind}" for kind in EVENT_KINDS]
    reads = [_Export(tenant, gate, kind).route() for kind in kinds]
    for base in (auth.DATA, auth.DATA_SEARCH):
        reads += [_Query(tenant, f"events/{kind}").route(gate, f"{base}/{kind}") for kind in EVENT_KINDS]
    return [*reads, gate.v1("/api/v1/alerts", _V1Alerts(tenant, gate).alerts, ["GET"])]


class _Export:
    def __init__(self, tenant: Tenant, gate: Gate, kind: str) -> None:
        self._tenant = tenant
        self._gate = gate
        self._kind = kind

    def route(self) -> Route:
        path = f"{auth.EXPORT}/{self._kind}"
        return self._gate.v2(path, self.page, path, ["GET"], bucket=ITERATOR_BUCKET, key=self._kind)

    async def page(self, request: Request, _: str) -> Response:
        index, operation = request.query_params.get("index"), request.query_params.get("operation")
        if self._gate.due(CONCURRENCY, request):
            raise gateway(409, CONCURRENCY_TEXT)
        with self._tenant.iterators.serving(self._kind, index or ""):
            await self._delay()
            # A client that has gone meanwhile does not hold the cursor back: it has to ask for a resend.
            page = self._tenant.iterators.page(self._kind, index, operation)
        return Response(page.body(), media_type="application/json")

    async def _delay(self) -> None:
        # Looked at again and again: lowering the switch lets go what is in flight.
        start = time.monotonic()
        while (left := start + self._tenant.switches.page_delay_s - time.monotonic()) > 0:  # noqa: ASYNC110 - see above
            await asyncio.sleep(min(left, 0.01))


class _Query:
    def __init__(self, tenant: Tenant, kind: str) -> None:
        self._tenant = tenant
        self._kind = kind

    def route(self, gate: Gate, path: str) -> Route:
        return gate.v2(path, self.page, path, ["GET"], bucket=POLICY_BUCKET)

    async def page(self, request: Request, _: str) -> Response:
        rows = selected(self._tenant.streams[self._kind], request.query_params, skip_name="offset")
        if fields := request.query_params.get("fields"):
            count = _COUNT.fullmatch(fields)
            if count is None:
                raise gateway(400, "fields must be of the form name:count(field)")
            return json_response({"ok": 1, "result": [{count[1]: len(rows)}]})
        skip, limit = _page(request.query_params, "offset")
        return json_response({"ok": 1, "result": rows[skip : skip + limit]})


class _V1Alerts:
    def __init__(self, tenant: Tenant, gate: Gate) -> None:
        self._tenant = tenant
        self._gate = gate

    async def alerts(self, request: Request) -> Response:
        query = request.query_params
        self._tenant.auth.v1(query.get("token"), expired=self._gate.due(EXPIRED_TOKEN, request))
        try:
            rows = selected(self._tenant.streams["events/alert"], query, skip_name="skip")
            skip, limit = _page(query, "skip")
        except RefusedError as refused:
            raise v1_error("Invalid Request", str(refused.body["message"])) from refused
        return json_response({"status": "success", "data": rows[skip : skip + limit]})


def selected(stream: Stream, query: Mapping[str, str], *, skip_name: str) -> list[dict[str, object]]:
    """The records the parameters ask for, before paging. Raises RefusedError 400."""
    _page(query, skip_name)
    start, end, by_insertion = _span(query)
    test = compiled(query["query"]) if query.get("query") else None
    wanted = alert_type(query["type"].lower()).lower() if query.get("type") else None
    acked = query.get("acked")
    rows = []
    for stamp, inserted, body in stream.rows():
        if not start <= (inserted if by_insertion else stamp) <= end:
            continue
        record = orjson.loads(body)
        if wanted is not None and str(record.get("alert_type", "")).lower() != wanted:
            continue
        if acked is not None and record.get("acked") != acked:
            continue
        if test is None or test(record):
            rows.append(record)
    return rows


def _span(query: Mapping[str, str]) -> tuple[int, float, bool]:
    given = [any(query.get(name) for name in names) for names in _TIMES]
    if all(given):
        raise gateway(400, "starttime/endtime and insertionstarttime/insertionendtime cannot be mixed")
    if not any(given):
        return 0, float("inf"), False
    start_name, end_name = _TIMES[given.index(True)]
    start, end = _number(query, start_name, None), _number(query, end_name, None)
    if start > end:
        raise gateway(400, f"{start_name} is after {end_name}")
    return start, end, given[1]


def _page(query: Mapping[str, str], skip_name: str) -> tuple[int, int]:
    limit = _number(query, "limit", _MOST)
    if not 1 <= limit <= _MOST:
        raise gateway(400, f"limit must be between 1 and {_MOST}")
    return _number(query, skip_name, 0), limit


def _number(query: Mapping[str, str], name: str, default: int | None) -> int:
    value = query.get(name)
    if value is None and default is not None:
        return default
    if value is None or not re.fullmatch(r"[0-9]{1,15}", value):
        raise gateway(400, f"{name} must be a number")
    return int(value)
