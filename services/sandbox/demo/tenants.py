"""Applies a world to the tenants and the policy, and reads the state of the tenants.

Looking is done at the tenants' own state, by their admin pages: no service is asked.
"""

import time
from collections import Counter
from collections.abc import Container, Iterable, Mapping
from dataclasses import replace
from typing import Any

from schemas.marker import is_ours
from schemas.resources import AnyResource, Connection
from schemas.targets import Target
from schemas.vendors.defender import DefenderAction
from schemas.vendors.netskope import FileHashList, UrlList
from services.sandbox.demo.expect import Entry, Place, concrete
from services.sandbox.demo.seed import FOREIGN_ENTRIES, FOREIGN_LIST
from services.sandbox.demo.world import World
from services.sandbox.exchange import Exchange

POLL = {"defender": "2s", "netskope": "1s"}
"""Defender allows 100 listings a minute: polls leave room for the looks that the pusher takes before it writes."""
SECRETS = {
    "DEFENDER_APP_SECRET": "SANDBOX_MDE_SECRET",
    "NETSKOPE_V2_TOKEN": "SANDBOX_NETSKOPE_TOKEN",
    "NETSKOPE_V1_TOKEN": "SANDBOX_NETSKOPE_V1_TOKEN",
}
"""The variables the example policy names, and those of the sandbox that hold the same."""
_AN_HOUR_S = 3_600


def at_sandbox(resources: Iterable[AnyResource], exchange: Exchange) -> list[AnyResource]:
    """The policy with the sandbox's tenants in place of the examples, polled often. Nothing else differs."""
    return [_moved(one, exchange) if isinstance(one, Connection) else one for one in resources]


def _moved(connection: Connection, exchange: Exchange) -> Connection:
    tenant, app = exchange.defender, exchange.defender.apps[0]
    if connection.spec.type == "defender":
        where = {"tenantId": tenant.tenant_id, "appId": app.app_id, "apiUrl": exchange.mde.url,
                 "loginUrl": exchange.mde.url}  # fmt: skip
    else:
        where = {"tenantUrl": exchange.netskope.url}
    where["pollInterval"] = POLL[connection.spec.type]
    raw = connection.model_dump(mode="json", exclude_unset=True)
    return Connection.model_validate({**raw, "spec": {**raw["spec"], **where}})


class Tenants:
    """Both tenants of an exchange. Used by one thread."""

    def __init__(self, exchange: Exchange, world: World) -> None:
        self._exchange = exchange
        self._ids: dict[int, str] = {}
        self._lists = self._targets(world)
        self._lists_before: dict[str, Any] = {}

    def seed(self, world: World) -> None:
        """Put everything there before the first service starts: a colleague's entries, rows, and alerts an hour old."""
        exchange = self._exchange
        lists = [
            {"name": name, "data": {"urls": list(FOREIGN_ENTRIES), "type": "exact"}}
            for name in (FOREIGN_LIST, *(one.name for one in self._lists.values() if isinstance(one, UrlList)))
        ]
        exchange.admin(exchange.netskope, "POST", "seed", {"url_lists": lists})
        self._lists_before = self._others_list()
        self.change(replace(world, rows={}, alerts=()), world, age_s=_AN_HOUR_S)

    def change(self, before: World, after: World, age_s: int = 0) -> None:
        """Apply the difference of two worlds to the tenants and the policy. `age_s`: how old new alerts are."""
        exchange = self._exchange
        if gone := [number for number in before.rows if number not in after.rows]:
            exchange.admin(exchange.mde, "POST", "rows/delete", {"ids": [self._ids.pop(number) for number in gone]})
        if new := [number for number in after.rows if number not in before.rows]:
            body = {"rows": [after.rows[number].body() for number in new]}
            self._ids.update(zip(new, exchange.admin(exchange.mde, "POST", "seed", body)["ids"], strict=True))
        for number in after.rows.keys() & before.rows.keys():
            if after.rows[number] != before.rows[number]:
                exchange.admin(exchange.mde, "PATCH", f"rows/{self._ids[number]}", after.rows[number].body())
        if alerts := after.alerts[len(before.alerts) :]:
            stamp = int(time.time()) - age_s if age_s else None
            exchange.admin(exchange.netskope, "POST", "seed", {"alerts": [alert.body(stamp) for alert in alerts]})
        for resource in before.policy:
            if resource not in after.policy:
                exchange.delete(resource)

    def truth(self) -> dict[Place, set[Entry]]:
        """Return our entries in every target of the first policy."""
        rows = self._exchange.defender_rows()
        held = self._exchange.admin(self._exchange.netskope, "GET", "truth")
        urls = {found["name"]: found["data"]["urls"] for found in held["url_lists"]["applied"]}
        found: dict[Place, set[Entry]] = {}
        for place, target in self._lists.items():
            match target:
                case UrlList():
                    others = {*FOREIGN_ENTRIES, target.default}
                    found[place] = {Entry(url) for url in urls.get(target.name, ()) if url not in others}
                case FileHashList():
                    hashes = held["hash_lists"]["applied"].get(target.name, ())
                    found[place] = {Entry(one) for one in hashes if one != target.default}
                case DefenderAction():
                    found[place] = {
                        Entry(row["indicatorValue"], row["severity"])
                        for row in rows
                        if is_ours(row["externalId"]) and row["action"] == target.action
                    }
        return found

    def ids_of_ours(self) -> dict[tuple[str, str], str]:
        """The vendor's ids of our rows at Defender, by value and action: an edit in place keeps them."""
        return {
            (row["indicatorValue"], row["action"]): row["id"]
            for row in self._exchange.defender_rows()
            if is_ours(row["externalId"])
        }

    def made_anew(self, before: Mapping[tuple[str, str], str]) -> list[str]:
        """Rows of ours that have another id than before, a line each: an edit should keep it."""
        now = self.ids_of_ours()
        return [
            f"Defender: the row of {value} ({action}) was made anew, not edited in place"
            for (value, action), row_id in before.items()
            if now.get((value, action), row_id) != row_id
        ]

    def harmed(self, world: World, beside: Container[str] = ()) -> list[str]:
        """Return a line for each changed entry of other people. `beside`: ids of rows that no world knows of."""
        app = self._exchange.defender.apps[0].app_id
        rows = {row["id"]: row for row in self._exchange.defender_rows() if not is_ours(row["externalId"])}
        rows = {id_: row for id_, row in rows.items() if id_ not in beside}
        found = []
        for number, row in world.rows.items():
            there = rows.pop(self._ids[number], None)
            if there is None:
                found.append(f"Defender: the row of {row.value} is gone")
            elif there["lastUpdatedBy"] == app or any(there[name] != said for name, said in row.body().items()):
                found.append(f"Defender: the row of {row.value} was changed")
        found += [f"Defender: a row of {row['indicatorValue']} without our mark" for row in rows.values()]
        if self._others_list() != self._lists_before:
            found.append(f"Netskope: the URL list {FOREIGN_LIST!r} was changed")
        for target in self._lists.values():
            if isinstance(target, UrlList):
                entries = Counter(self._exchange.url_list(target.name))
                found += [
                    f"Netskope: {one} is gone from {target.name!r}" for one in FOREIGN_ENTRIES if not entries[one]
                ]
        return found

    def _others_list(self) -> dict[str, Any]:
        lists = self._exchange.admin(self._exchange.netskope, "GET", "truth")["url_lists"]["applied"]
        return next(dict(found) for found in lists if found["name"] == FOREIGN_LIST)

    @staticmethod
    def _targets(world: World) -> dict[Place, Target]:
        found = ((one.spec.destination, concrete(one.spec.target)) for one in world.sharings)
        return {Place(destination, target.id): target for destination, target in found}
