"""URL lists of one tenant: what policy applies, and the changes that wait for a deploy.

Invariants: `applied` changes by deploy alone; a refused request changes nothing; names are unique over both copies.
Routes, deploy and the PUT texts follow Netskope "URL Lists" (REST API v2) and vendor-written clients. A deploy
applies every pending change, also those of other people.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from typing import Final

from services.sandbox.netskope.errors import bad_request, not_found
from services.sandbox.netskope.listbody import ListConfig, ListType, check_size, parse_config
from services.sandbox.netskope.settings import ListLimits
from services.sandbox.netskope.switches import NetskopeSwitches

FIELDS: Final = ("id", "name", "data", "pending", "modify_time", "modify_type", "modify_by")
DELETED: Final = "Deleted"

Resource = dict[str, object]


def iso(epoch: float) -> str:
    """Time as policy resources carry it: UTC with milliseconds."""
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


@dataclass(frozen=True, slots=True)
class UrlList:
    """One copy of one list. `modify_type` is Created, Edited or Deleted."""

    id: int
    name: str
    urls: tuple[str, ...]
    type: ListType
    modify_by: str
    modify_time: str
    modify_type: str

    def resource(self, *, pending: bool) -> Resource:
        """The list as the API shows it."""
        return {
            "id": self.id,
            "name": self.name,
            "data": {"urls": list(self.urls), "type": self.type, "json_version": 2},
            "modify_by": self.modify_by,
            "modify_time": self.modify_time,
            "modify_type": self.modify_type,
            "pending": int(pending),
        }


class UrlLists:
    """The lists and the requests on them. `by` names the caller: the token or another admin."""

    def __init__(
        self, switches: NetskopeSwitches, clock: Callable[[], float], limit_bytes: int, limits: ListLimits
    ) -> None:
        self._switches = switches
        self._clock = clock
        self._limit_bytes = limit_bytes
        self._limits = limits
        self._ids = count(1)
        self.applied: dict[int, UrlList] = {}
        self.pending: dict[int, UrlList] = {}

    def listing(self, fields: str | None = None, pending: str | None = None) -> list[Resource]:
        """All lists; `pending` "0" the applied copies only, "1" the waiting changes only; `fields` picks keys.

        Raises RefusedError 400 for a field or filter it does not know.
        """
        keys = [key.strip() for key in fields.split(",")] if fields else list(FIELDS)
        if unknown := [key for key in keys if key not in FIELDS]:
            raise bad_request([f"field must be one of {', '.join(FIELDS)}: {unknown[0]}"])
        if pending not in {None, "0", "1"}:
            raise bad_request(["pending must be 0 or 1"])
        rows = []
        if pending != "1":
            hide = self.pending.keys() if pending is None and not self._switches.both_copies else set()
            rows += [held.resource(pending=False) for held in self.applied.values() if held.id not in hide]
        if pending != "0":
            rows += [held.resource(pending=True) for held in self.pending.values()]
        rows.sort(key=lambda row: (row["id"], row["pending"]))
        return [{key: row[key] for key in keys} for row in rows]

    def get(self, list_id: int) -> Resource:
        """The newest copy of a list. Raises RefusedError 404."""
        return self._newest(list_id).resource(pending=list_id in self.pending)

    def create(self, body: object, by: str) -> Resource:
        """A new list, waiting for deploy. Raises RefusedError: 400 for the body, 400/409 for a taken name."""
        return self.create_many([body], by)[0]

    def create_many(self, bodies: Iterable[object], by: str) -> list[Resource]:
        """Several new lists, all or none. Raises as `create`."""
        made: list[UrlList] = []
        for body in bodies:
            config = self._config(body)
            self._check_name(config.name, taken_too={held.name for held in made})
            made.append(UrlList(0, config.name, config.urls, config.type, by, iso(self._clock()), "Created"))
        self._check_totals(made)
        created = [replace(held, id=next(self._ids)) for held in made]
        self.pending.update((held.id, held) for held in created)
        return [held.resource(pending=True) for held in created]

    def put(self, list_id: int, body: object, by: str) -> Resource:
        """Replaces the whole configuration; every field is required. Raises RefusedError as `create`, or 404."""
        held = self._editable(list_id)
        config = self._config(body)
        self._check_name(config.name, except_id=list_id)
        return self._edit(replace(held, name=config.name, urls=config.urls, type=config.type), by)

    def patch(self, list_id: int, action: str, body: object, by: str) -> Resource:
        """`append` or `replace` values. Raises RefusedError 404 for another action or list, 400 for a body or entry."""
        if action not in {"append", "replace"}:
            raise not_found(f"Cannot PATCH /api/v2/policy/urllist/{list_id}/{action}")
        held = self._editable(list_id)
        config = self._config(body, named=False)
        urls = config.urls
        if action == "append":
            if config.type != held.type:
                raise bad_request([f"data.type is {held.type} for this list"])
            urls = (*held.urls, *urls)
            if self._switches.append_dedup:
                urls = tuple(dict.fromkeys(urls))
            check_size(urls, self._limit_bytes, self._switches)
        return self._edit(replace(held, urls=urls, type=config.type), by)

    def delete(self, list_id: int, by: str) -> Resource:
        """Marks a list for deletion by the next deploy; one never deployed is gone at once. Raises RefusedError 404."""
        held = self._editable(list_id)
        row = self._edit(held, by, DELETED)
        if list_id not in self.applied:
            del self.pending[list_id]
        return row

    def deploy(self) -> list[int]:
        """Applies every waiting change of the tenant and says which lists it touched."""
        touched = sorted(self.pending)
        for list_id, held in self.pending.items():
            if held.modify_type == DELETED:
                self.applied.pop(list_id, None)
            else:
                self.applied[list_id] = held
        self.pending.clear()
        return touched

    def seed(self, body: object, by: str, *, pending: bool) -> Resource:
        """A list as another admin leaves it: applied, or as a change that waits. An existing name is edited."""
        config = self._config(body)
        known = next((held for held in self._all() if held.name == config.name), None)
        edit = known and replace(known, urls=config.urls, type=config.type)
        row = self._edit(edit, by) if edit else self.create(body, by)
        if not pending:
            list_id = int(str(row["id"]))
            self.applied[list_id] = self.pending.pop(list_id)
            row["pending"] = 0
        return row

    def _edit(self, edited: UrlList, by: str, modify_type: str = "Edited") -> Resource:
        if modify_type != DELETED:
            self._check_totals([edited])
        edited = replace(edited, modify_by=by, modify_time=iso(self._clock()), modify_type=modify_type)
        self.pending[edited.id] = edited
        return edited.resource(pending=True)

    def _all(self) -> list[UrlList]:
        return [*self.pending.values(), *(held for held in self.applied.values() if held.id not in self.pending)]

    def _newest(self, list_id: int) -> UrlList:
        held = self.pending.get(list_id) or self.applied.get(list_id)
        if held is None:
            raise not_found(f"urllist {list_id} not found")
        return held

    def _editable(self, list_id: int) -> UrlList:
        held = self._newest(list_id)
        if held.modify_type == DELETED:
            raise not_found(f"urllist {list_id} is deleted")
        return held

    def _check_name(self, name: str, except_id: int | None = None, taken_too: Iterable[str] = ()) -> None:
        # A rename or deletion that waits still holds the applied name: deploying the rest must not collide with it.
        taken = {held.name for copy in (self.applied, self.pending) for held in copy.values() if held.id != except_id}
        if name in taken.union(taken_too):
            raise bad_request(f"url list with name {name} already exists", self._switches.duplicate_name_status)

    def _check_totals(self, edited: Sequence[UrlList]) -> None:
        """Raises RefusedError 400 where all lists of a type would hold more than they may, and more than they do."""
        before, ids = self._all(), {held.id for held in edited}
        after = [*edited, *(held for held in before if held.id not in ids)]
        for type_, most in (("exact", self._limits.exact_total), ("regex", self._limits.regex_total)):
            if _total(after, type_) > max(most, _total(before, type_)):
                raise bad_request(f"all {type_} URL lists hold at most {most} entries")

    def _config(self, body: object, *, named: bool = True) -> ListConfig:
        return parse_config(body, self._switches, self._limit_bytes, named=named)


def _total(lists: Iterable[UrlList], type_: str) -> int:
    return sum(len(held.urls) for held in lists if held.type == type_)
