"""One Defender tenant: its directory, indicators, quotas and faults, and what the admin pages may do to it."""

from collections.abc import Mapping
from typing import Any, Final

from services.sandbox.defender.auth import Directory
from services.sandbox.defender.blocking import concerns
from services.sandbox.defender.faults import DefenderFault
from services.sandbox.defender.rows import DEFAULTS, PORTAL, PUBLIC_API, WEB_CATEGORY_ROW
from services.sandbox.defender.settings import DefenderTenant
from services.sandbox.defender.state import Indicators
from services.sandbox.defender.switches import DefenderSwitches
from services.sandbox.defender.times import parse_ticks
from services.sandbox.tenant.calls import CallLog
from services.sandbox.tenant.clock import TenantClock
from services.sandbox.tenant.faults import FaultPlan
from services.sandbox.tenant.quota import Windows

_ROW_DEFAULTS = {"indicatorType": "DomainName", "action": "Block", "title": "seeded", "description": "seeded"}


_BLOCKING: Final = frozenset({"Block", "BlockAndRemediate", "AlertAndBlock", "Warn"})


class Defender:
    """Everything behind the routes. Not thread-safe: use it from the server's loop, or before it runs."""

    def __init__(self, settings: DefenderTenant, clock: TenantClock) -> None:
        self.settings = settings
        self.clock = clock
        self.switches = settings.switches
        self.faults = FaultPlan(DefenderFault)
        self.quotas = Windows({str(name): limits for name, limits in self.switches.quotas.items()}, clock)
        self.calls = CallLog(clock)
        self.directory = Directory(settings, lambda: self.switches, clock)
        self.indicators = Indicators(lambda: self.switches, clock)
        self._apply()

    def truth(self) -> Mapping[str, Any]:
        """Return all rows of the tenant, of every owner, oldest first."""
        self.indicators.sweep()
        return {
            "tenant_id": self.settings.tenant_id,
            "display_name": self.settings.display_name,
            "active": self.indicators.active,
            "capacity": self.switches.capacity,
            "statistics": dict(self.indicators.statistics),
            "tokens_issued": self.directory.issued,
            "switches": self.switches.model_dump(mode="json"),
            "rows": [row.entity for row in self.indicators.rows.values()],
        }

    def would_block(self, host: str) -> bool:
        """Whether a row that blocks concerns the front page of a host."""
        self.indicators.sweep()
        rows = (row.entity for row in self.indicators.rows.values() if row.entity["action"] in _BLOCKING)
        return concerns(((row["indicatorType"], row["indicatorValue"]) for row in rows), host)

    def seed(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Store `rows` without any check but their names; only `indicatorValue` is required. Returns their ids.

        A row belongs to `createdBy` (the row's, else the body's, else the portal's user); an owner that is an
        app of this tenant makes it a row of the public API. Raises ValueError that names row and field.
        """
        rows = body.get("rows")
        if not isinstance(rows, list):
            raise ValueError("rows: a list of objects is needed")  # noqa: TRY004  # ValueError is what admin answers
        owner = str(body.get("createdBy", self.settings.portal_user))
        prepared = [self._seeded(position, row, owner) for position, row in enumerate(rows)]
        return {"ids": [self.indicators.create(row).id for row in prepared]}

    def switch(self, changes: Mapping[str, Any]) -> None:
        """Change switches; quotas are merged bucket by bucket."""
        merged = {**self.switches.model_dump(), **changes}
        if isinstance(changes.get("quotas"), dict):
            merged["quotas"] = {**self.switches.quotas, **changes["quotas"]}
        self.switches = DefenderSwitches.model_validate(merged)
        self._apply()

    def reset(self) -> None:
        """Reset the tenant to its initial state."""
        self.switches = self.settings.switches
        self.directory.reset()
        self.indicators.reset()
        self._apply()

    def _apply(self) -> None:
        self.quotas.configure({str(name): limits for name, limits in self.switches.quotas.items()})
        self.indicators.reindex()
        shown = [row for row in self.indicators.rows.values() if row.read_only]
        if self.switches.web_category_row and not shown:
            owner = {"createdBy": self.settings.portal_user, "createdBySource": PORTAL}
            self.indicators.create({**WEB_CATEGORY_ROW, **owner}, read_only=True)
        elif shown and not self.switches.web_category_row:
            self.indicators.delete(shown)

    def _seeded(self, position: int, row: object, owner: str) -> dict[str, Any]:
        if not isinstance(row, dict) or not isinstance(row.get("indicatorValue"), str):
            raise ValueError(f"rows[{position}].indicatorValue: a text is needed")  # noqa: TRY004  # as above
        unknown = row.keys() - DEFAULTS.keys()
        if unknown or "id" in row:
            raise ValueError(f"rows[{position}]: {', '.join(sorted(unknown)) or 'id'} cannot be seeded")
        try:
            parse_ticks(row.get("expirationTime") or "2000-01-01T00:00:00Z")
        except ValueError as error:
            raise ValueError(f"rows[{position}].expirationTime: {error}") from error
        created_by = str(row.get("createdBy", owner))
        app = self.settings.app(created_by)
        origin = {
            "createdBy": created_by,
            "createdByDisplayName": app.display_name if app else created_by,
            "createdBySource": PUBLIC_API if app else PORTAL,
        }
        return {**_ROW_DEFAULTS, **origin, **row}
