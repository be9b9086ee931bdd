"""One stored indicator: the entity the API shows, its identity, and its JSON, rendered once per change.

Source of the field set: Microsoft, "Indicator resource type", corrected by real answers seen in public (`externalId`,
`createdByDisplayName`, `createdBySource` and the nullable rest).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from services.sandbox.defender.times import parse_ticks
from services.sandbox.defender.vocabulary import CASELESS, IndicatorType

Key = tuple[str, str, str, frozenset[str]]
Entity = dict[str, Any]

PUBLIC_API, PORTAL = "PublicApi", "Portal"

CREATE_ONLY = frozenset({"application", "version", "certificateInfo"})
"""Set on creation, never updated. Microsoft: "Submit or Update Indicator API" (application); seen in public threads."""

DEFAULTS: Entity = {
    "id": None,
    "indicatorValue": None,
    "indicatorType": None,
    "action": None,
    "createdBy": None,
    "severity": "Informational",
    "category": 1,
    "application": None,
    "educateUrl": None,
    "bypassDurationHours": None,
    "title": None,
    "description": None,
    "recommendedActions": None,
    "creationTimeDateTimeUtc": None,
    "expirationTime": None,
    "lastUpdateTime": None,
    "lastUpdatedBy": None,
    "rbacGroupNames": (),
    "rbacGroupIds": (),
    "notificationId": None,
    "notificationBody": None,
    "version": None,
    "mitreTechniques": (),
    "historicalDetection": False,
    "lookBackPeriod": None,
    "generateAlert": False,
    "additionalInfo": None,
    "createdByDisplayName": None,
    "externalId": None,
    "createdBySource": None,
    "certificateInfo": None,
}
"""Every field in the order the API writes them, with what it shows when a submission left it out."""


@dataclass(slots=True)
class Row:
    """An active indicator. `read_only` rows cannot be deleted through the API."""

    id: str
    entity: Entity
    key: Key
    read_only: bool = False
    expires: int | None = field(init=False)
    """Ticks, or None = never."""
    _json: bytes | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.changed()

    def changed(self) -> None:
        """The entity was edited: forget what was derived from it. Raises ValueError for a bad expirationTime."""
        text = self.entity["expirationTime"]
        self.expires = None if text is None else parse_ticks(text)
        self._json = None

    @property
    def json(self) -> bytes:
        """The entity as JSON."""
        if self._json is None:
            self._json = orjson.dumps(self.entity)
        return self._json


def key_of(properties: Mapping[str, Any], *, with_action: bool) -> Key:
    """Identity of a submission: type, value (caseless for hashes), action and device groups.

    That device groups and action belong to it is inferred from connectors; the action is a switch.
    """
    kind, value = properties["indicatorType"], properties["indicatorValue"]
    scope: Iterable[Any] = [*(properties.get("rbacGroupIds") or ()), *(properties.get("rbacGroupNames") or ())]
    return (
        kind,
        value.lower() if kind in _CASELESS else value,
        properties["action"] if with_action else "",
        frozenset(map(str, scope)),
    )


_CASELESS = frozenset(str(kind) for kind in CASELESS)
WEB_CATEGORY_ROW: Entity = {
    "indicatorValue": "Gambling",
    "indicatorType": IndicatorType.WEB_CATEGORY.value,
    "action": "Block",
    "title": "Web content filtering",
    "description": "Blocked category",
}
