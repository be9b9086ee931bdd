"""Corrects a rejected entry by an operator's own report, pushed in the name of an `api` source.

An entry follows from reports, so an edit of the entry would be lost with the next report. A correction is one more
report, from a source whose sharings reach the destination. With the same value it is merged with the other reports;
with another value it makes another indicator, and the rejected entry stays.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from schemas.moment import to_datetime
from schemas.policy import Policy
from schemas.record import Millis
from schemas.vendors.api import ApiSource
from services.console.ingest.formats import Format
from services.console.ingest.items import JudgedItem, read
from services.console.ingest.raw_items import BadBodyError
from services.console.ingest.retries import check_name


def as_item(indicator: Mapping[str, Any]) -> dict[str, Any]:
    """An indicator of the read model in the form of a push. It has no `last_seen`, so it counts as seen now."""
    found = {name: indicator[name] for name in ("value", "type", "severity", "reputation", "comments", "tags")}
    moments = {name: _iso(indicator.get(name)) for name in ("first_seen", "expires_at")}
    return {**found, **{name: text for name, text in moments.items() if text}}


def correction(policy: Policy, entry: str, source: str, body: object, now: Millis) -> JudgedItem:
    """The operator's report on a rejected entry, in the name of a source.

    Raises:
        BadBodyError: the source is not of type api or does not reach the destination, or `body` is no indicator;
            names the field.

    """
    destination = check_name(entry)[0].partition("/")[0]
    connection = policy.connections.get(source)
    if connection is None or not isinstance(connection.spec, ApiSource):
        raise BadBodyError(f"source: there is no Connection of type api named {source}; corrections are reports of one")
    if not any(sharing.spec.destination == destination for sharing in policy.sharings_by_source.get(source, ())):
        raise BadBodyError(
            f"source: no sharing takes from {source} to {destination}, so a correction does not get there; apply one"
        )
    (judged,) = read(orjson.dumps([body]), Format.JSON, now)
    if judged.report is None:
        raise BadBodyError(f"{judged.detail} ({judged.reason})")
    return judged


def _iso(moment: Millis | None) -> str | None:
    return None if moment is None else to_datetime(moment).isoformat(timespec="milliseconds")
