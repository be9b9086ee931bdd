"""The tenant's indicators: visibility, identity for updates, capacity and expiry.

Only active rows are held: one whose expirationTime has passed is deleted before anything looks. Ids are decimal
strings and never used again. Creation times ascend with ids and carry seven fractional digits.

Sources: Microsoft, "List Indicators API" (active rows; visibility by role), "Manage indicators" (expired ones are
deleted), "Overview of indicators" (capacity). What identifies a row is inferred: see the switches.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from services.sandbox.defender.auth import Caller
from services.sandbox.defender.errors import ApiError, Code
from services.sandbox.defender.rows import CREATE_ONLY, DEFAULTS, PUBLIC_API, Entity, Key, Row, key_of
from services.sandbox.defender.settings import TI_ALL
from services.sandbox.defender.switches import DefenderSwitches
from services.sandbox.defender.times import format_ticks
from services.sandbox.defender.validate import Draft
from services.sandbox.tenant.clock import TenantClock

CAPACITY_MESSAGE = "Max capacity exceeded"


class Indicators:
    """In memory; every method leaves it consistent or raises before it changed anything."""

    def __init__(self, switches: Callable[[], DefenderSwitches], clock: TenantClock) -> None:
        self.rows: dict[str, Row] = {}
        self.statistics: Counter[str] = Counter()
        """How many rows were created, updated, deleted and expired since the last reset."""
        self._switches = switches
        self._clock = clock
        self._by_key: dict[Key, dict[str, None]] = {}
        self._last_id = 0
        self._last_created = 0
        self._read_only = 0
        self._next_expiry: int | None = None

    def now(self) -> int:
        """The tenant's time in ticks, to the microsecond."""
        return int(self._clock.time() * 1_000_000) * 10

    def sweep(self) -> None:
        """Delete what has expired."""
        now = self.now()
        if self._next_expiry is None or now < self._next_expiry:
            return
        for row in [row for row in self.rows.values() if row.expires is not None and row.expires <= now]:
            self._remove(row)
            self.statistics["expired"] += 1
        self._next_expiry = min((row.expires for row in self.rows.values() if row.expires is not None), default=None)

    def visible(self, caller: Caller) -> list[Row]:
        """The active rows this caller may see, oldest first."""
        self.sweep()
        if TI_ALL in caller.roles:
            return list(self.rows.values())
        return [row for row in self.rows.values() if row.entity["createdBy"] == caller.app_id]

    def find(self, row_id: str, caller: Caller) -> Row | None:
        """The row with this id, when it is active and visible."""
        self.sweep()
        row = self.rows.get(row_id)
        if row is None or (TI_ALL not in caller.roles and row.entity["createdBy"] != caller.app_id):
            return None
        return row

    @property
    def active(self) -> int:
        """Rows that count against the capacity."""
        return len(self.rows) - self._read_only

    def room_for(self, drafts: Iterable[Draft], capacity: int) -> bool:
        """Whether all of these could be submitted without exceeding the capacity."""
        self.sweep()
        keys = list(map(self._key, drafts))
        if not self._switches().duplicate_rows:
            keys = [key for key in dict.fromkeys(keys) if key not in self._by_key]
        return self.active + len(keys) <= capacity

    def upsert(self, draft: Draft, caller: Caller, capacity: int, *, twin: bool = False) -> Row:
        """Create or update; `twin` stores a creation twice. Raises ApiError: capacity, or a row of someone else."""
        self.sweep()
        key = self._key(draft)
        known = self._by_key.get(key)
        if known and not self._switches().duplicate_rows:
            return self._update(self.rows[next(iter(known))], draft, caller)
        if self.active >= capacity:
            raise ApiError(Code.BAD_REQUEST, f"{CAPACITY_MESSAGE}: {capacity} indicators are allowed.")
        owner = {
            "createdBy": caller.app_id,
            "createdByDisplayName": caller.display_name,
            "createdBySource": PUBLIC_API,
        }
        row = self.create({**draft.properties, **owner})
        if twin:
            self.create({**draft.properties, **owner})
        return row

    def create(self, properties: Mapping[str, Any], *, read_only: bool = False) -> Row:
        """Store a row as it is given, whatever it holds. Raises ValueError for a bad expirationTime."""
        self._last_id += 1
        row_id = str(self._last_id)
        created = max(self.now(), self._last_created) + 1
        created += created % 10 == 0  # a trailing zero would be left out, and seven digits are what clients trip over
        self._last_created = created
        entity: Entity = {**DEFAULTS, "id": row_id, "creationTimeDateTimeUtc": format_ticks(created)}
        entity["lastUpdateTime"] = format_ticks(created + 100_000)
        entity.update(properties)
        for name in ("rbacGroupNames", "rbacGroupIds", "mitreTechniques"):
            entity[name] = tuple(entity[name] or ())
        row = Row(row_id, entity, key_of(entity, with_action=self._switches().action_in_key), read_only)
        self.rows[row_id] = row
        self._read_only += read_only
        self._by_key.setdefault(row.key, {})[row_id] = None
        self._expect(row)
        self.statistics["created"] += 1
        return row

    def edit(self, row: Row, changes: Mapping[str, Any], editor: str) -> None:
        """Overwrite fields of a row on behalf of `editor`. Raises ValueError for a bad expirationTime."""
        before = row.entity
        stamp = {"lastUpdateTime": format_ticks(self.now() + 1), "lastUpdatedBy": editor}
        row.entity = {**before, **stamp, **changes, "id": row.id}
        try:
            row.changed()
        except ValueError:
            row.entity = before
            raise
        self._unindex(row)
        row.key = key_of(row.entity, with_action=self._switches().action_in_key)
        self._by_key.setdefault(row.key, {})[row.id] = None
        self._expect(row)
        self.statistics["updated"] += 1

    def delete(self, rows: Sequence[Row]) -> None:
        """Delete these rows."""
        for row in rows:
            self._remove(row)
        self.statistics["deleted"] += len(rows)

    def reindex(self) -> None:
        """The switches changed: identify every row anew."""
        self._by_key.clear()
        for row in self.rows.values():
            row.key = key_of(row.entity, with_action=self._switches().action_in_key)
            self._by_key.setdefault(row.key, {})[row.id] = None

    def reset(self) -> None:
        """No rows, and ids start anew."""
        self.rows.clear()
        self._by_key.clear()
        self.statistics.clear()
        self._last_id, self._last_created, self._read_only, self._next_expiry = 0, 0, 0, None

    def _key(self, draft: Draft) -> Key:
        return key_of(draft.properties, with_action=self._switches().action_in_key)

    def _update(self, row: Row, draft: Draft, caller: Caller) -> Row:
        foreign = TI_ALL not in caller.roles and row.entity["createdBy"] != caller.app_id
        if foreign and self._switches().foreign_upsert == "reject":
            raise ApiError(Code.DISALLOWED_OPERATION, "The indicator exists and belongs to another application.")
        fixed = CREATE_ONLY | {"indicatorValue"}
        changes = {name: value for name, value in draft.properties.items() if name not in fixed}
        if self._switches().omitted_on_update == "reset":
            changes = {name: DEFAULTS[name] for name in _OPTIONAL} | changes
        self.edit(row, changes, caller.app_id)
        return row

    def _expect(self, row: Row) -> None:
        if row.expires is not None and (self._next_expiry is None or row.expires < self._next_expiry):
            self._next_expiry = row.expires

    def _remove(self, row: Row) -> None:
        del self.rows[row.id]
        self._read_only -= row.read_only
        self._unindex(row)

    def _unindex(self, row: Row) -> None:
        ids = self._by_key[row.key]
        del ids[row.id]
        if not ids:
            del self._by_key[row.key]


_OPTIONAL = (
    *("severity", "category", "educateUrl", "bypassDurationHours", "recommendedActions", "expirationTime"),
    *("rbacGroupNames", "rbacGroupIds", "notificationId", "notificationBody", "mitreTechniques", "historicalDetection"),
    *("lookBackPeriod", "generateAlert", "additionalInfo", "externalId"),
)
