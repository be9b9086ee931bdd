"""Correcting what a vendor rejected: an operator's own report of the indicator, pushed in the name of a source.

An entry follows from what sources say, so it cannot be edited itself: it would be as before with the next report.
A correction is one more voice, of a Connection of type `api` whose sharings reach the destination. Of the same value it
is merged with the others as Merging says; another value is another indicator, and the rejected one stays as it is.
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
    """An indicator of the read model as a source would push it: seen now, since an operator vouches for it now."""
    found = {name: indicator[name] for name in ("value", "type", "severity", "reputation", "comments", "tags")}
    moments = {name: _iso(indicator.get(name)) for name in ("first_seen", "expires_at")}
    return {**found, **{name: text for name, text in moments.items() if text}}


def correction(policy: Policy, entry: str, source: str, said: object, now: Millis) -> JudgedItem:
    """The report of an operator on a rejected entry, in the name of a source.

    Raises:
        BadBodyError: the source cannot say it, or what is said is no indicator; says which field.

    """
    destination = check_name(entry)[0].partition("/")[0]
    connection = policy.connections.get(source)
    if connection is None or not isinstance(connection.spec, ApiSource):
        raise BadBodyError(f"source: there is no Connection of type api named {source}; corrections are reports of one")
    if not any(sharing.spec.destination == destination for sharing in policy.sharings_by_source.get(source, ())):
        raise BadBodyError(
            f"source: no sharing takes from {source} to {destination}, so a correction would never get there; apply one"
        )
    (judged,) = read(orjson.dumps([said]), Format.JSON, now)
    if judged.report is None:
        raise BadBodyError(f"{judged.detail} ({judged.reason})")
    return judged


def _iso(moment: Millis | None) -> str | None:
    return None if moment is None else to_datetime(moment).isoformat(timespec="milliseconds")
