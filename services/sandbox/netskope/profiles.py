"""Destination profiles: named sets of values, each with at most one change that waits.

Invariants: a refused request changes nothing; an API request never touches a profile that has a waiting change.
Routes, limits, `validation_errors`, the 409 text, that repeated values are kept, and that PATCH of a profile replaces
all of them, are as seen in vendor-written connectors; whether a change of the API's own waits for a deploy is a switch.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal
from uuid import UUID, uuid5

from services.sandbox.netskope import urlsyntax
from services.sandbox.netskope.errors import RefusedError, bad_request, gateway, not_found
from services.sandbox.netskope.settings import ProfileLimits
from services.sandbox.netskope.switches import NetskopeSwitches
from services.sandbox.netskope.urllists import iso

PENDING_LOCK: Final = "non-interactive operation on pending profile is not allowed"
_FIELDS: Final = ("id", "name", "description", "type", "values_count", "status", "create_by", "create_time", "values")
_NAMESPACE: Final = UUID("5f0c8a52-3d0e-4f0a-9a55-2d6f4d3c7b11")
_NUMBER: Final = re.compile(r"[0-9]{1,9}")
_PAGE: Final = 100
_NO_NAME: Final = re.compile(r'[";]')

ProfileType = Literal["insensitive", "sensitive", "regex"]
_TYPES: Final[Mapping[str, ProfileType]] = {"insensitive": "insensitive", "sensitive": "sensitive", "regex": "regex"}


@dataclass(frozen=True, slots=True)
class Profile:
    """One copy of one profile."""

    id: str
    name: str
    description: str
    type: ProfileType
    values: tuple[str, ...]
    create_by: str
    create_time: str

    def resource(self, *, pending: bool) -> dict[str, object]:
        """The profile as the API shows it, values included."""
        return {
            "id": self.id,
            "name": self.name,
            "description": self.description,
            "type": self.type,
            "values_count": len(self.values),
            "status": "pending" if pending else "applied",
            "create_by": self.create_by,
            "create_time": self.create_time,
            "values": list(self.values),
        }


class Profiles:
    """The profiles and the requests on them."""

    def __init__(self, switches: NetskopeSwitches, clock: Callable[[], float], limits: ProfileLimits) -> None:
        self._switches = switches
        self._clock = clock
        self._limits = limits
        self._made = 0
        self.applied: dict[str, Profile] = {}
        self.pending: dict[str, Profile] = {}

    def listing(self, fields: str | None, offset: str | None, limit: str | None) -> dict[str, object]:
        """One page of profiles; `values` only when asked for. Raises RefusedError for a parameter it cannot use."""
        keys = fields.split(",") if fields else list(_FIELDS[:-1])
        if unknown := [key for key in keys if key not in _FIELDS]:
            raise self._invalid([("fields", f"unknown field {unknown[0]}")])
        if not _NUMBER.fullmatch(offset or "0") or not _NUMBER.fullmatch(limit or "1"):
            raise self._invalid([("offset,limit", "must be numbers")])
        size = int(limit) if limit else _PAGE
        if not 1 <= size <= _PAGE:
            raise self._invalid([("limit", f"must be between 1 and {_PAGE}")])
        newest = self._newest()
        first = int(offset or "0")
        rows = [held.resource(pending=held.id in self.pending) for held in newest[first : first + size]]
        return {"elements": [{key: row[key] for key in keys} for row in rows], "total_count": len(newest)}

    def create(self, body: object, by: str, *, interactive: bool = False) -> dict[str, object]:
        """A new profile. Raises RefusedError: validation_errors, or the duplicate's status."""
        config = body if isinstance(body, Mapping) else {}
        name, description = config.get("name"), config.get("description", "")
        kind = _TYPES.get(str(config.get("type")))
        wrong = []
        if not isinstance(name, str) or not 1 <= len(name) <= 100 or _NO_NAME.search(name):
            wrong.append(("name", "must be a string of 1 to 100 characters without quotes and semicolons"))
        wrong += _wrong(description, kind)
        if wrong or kind is None:
            raise self._invalid(wrong)
        if any(held.name == name for held in self._newest()):
            raise bad_request(f"profile with name {name} already exists", self._switches.duplicate_name_status)
        values = self._values(config.get("values"), kind)
        profile = Profile("", str(name), str(description), kind, values, by, iso(self._clock()))
        self._check_limits(profile)
        self._made += 1
        profile = replace(profile, id=str(uuid5(_NAMESPACE, str(self._made))))
        row = self._store(profile, pending=interactive or self._switches.profile_apply == "pending")
        del row["values"]
        return row

    def patch(self, profile_id: str, body: object, *, locked: bool = False) -> dict[str, object]:
        """Replaces all values and, where given, the description; `type` must be said. `locked` as `patch_values`.

        Raises RefusedError: 404, 409 while a change waits, validation_errors.
        """
        profile = self._applied_only(profile_id, locked=locked)
        config = body if isinstance(body, Mapping) else {}
        kind, description = _TYPES.get(str(config.get("type"))), config.get("description", profile.description)
        wrong = _wrong(description, kind)
        if wrong or kind is None:
            raise self._invalid(wrong)
        values = self._values(config.get("values", list(profile.values)), kind)
        return self._changed(replace(profile, values=values, type=kind, description=str(description)))

    def patch_values(self, profile_id: str, body: object, *, locked: bool = False) -> dict[str, object]:
        """`append` or `remove` values. `locked` answers as if another admin had left a change.

        Raises RefusedError: 404, 409 while a change waits, validation_errors.
        """
        profile = self._applied_only(profile_id, locked=locked)
        operation = body.get("operation") if isinstance(body, Mapping) else None
        operation = operation if isinstance(operation, Mapping) else {}
        action = operation.get("op")
        if action not in {"append", "remove"}:
            raise self._invalid([("operation.op", "must be one of append, remove")])
        most = self._limits.values_per_call
        if isinstance(operation.get("values"), list) and len(operation["values"]) > most:
            raise self._invalid([("operation.values", f"at most {most} values in one operation")])
        values = self._values(operation.get("values"), profile.type)
        if action == "append":
            merged = self._listed((*profile.values, *values))
        else:
            gone = set(values)
            merged = tuple(value for value in profile.values if value not in gone)
            if not merged and not self._switches.empty_lists:
                raise self._invalid([("values", "must not be empty")])
        return self._changed(replace(profile, values=merged))

    def deploy(self, body: object) -> dict[str, object]:
        """Applies the waiting changes of the profiles named. Raises RefusedError for an id it does not know."""
        ids = body.get("ids") if isinstance(body, Mapping) else None
        if not isinstance(ids, list) or not ids:
            raise self._invalid([("ids", "must be an array of profile ids")])
        known = self.applied.keys() | self.pending.keys()
        if unknown := [(f"ids[{place}]", "profile not found") for place, item in enumerate(ids) if item not in known]:
            raise self._invalid(unknown)
        for item in ids:
            if item in self.pending:
                self.applied[item] = self.pending.pop(item)
        return {"applied": ids}

    def seed(self, body: object, by: str, *, pending: bool) -> str:
        """A profile as another admin leaves it in the console: applied, or waiting. An existing name is edited."""
        config = dict(body) if isinstance(body, Mapping) else {}
        known = next((held for held in self._newest() if held.name == config.get("name")), None)
        if known is None:
            profile_id = str(self.create(config, by, interactive=True)["id"])
        else:
            profile_id = known.id
            self.pending[profile_id] = replace(known, values=self._values(config.get("values"), known.type))
        if not pending:
            self.applied[profile_id] = self.pending.pop(profile_id)
        return profile_id

    def _changed(self, profile: Profile) -> dict[str, object]:
        self._check_limits(profile)
        row = self._store(profile, pending=self._switches.profile_apply == "pending")
        del row["values"]
        return row

    def _store(self, profile: Profile, *, pending: bool) -> dict[str, object]:
        (self.pending if pending else self.applied)[profile.id] = profile
        return profile.resource(pending=pending)

    def _newest(self) -> list[Profile]:
        return list({**self.applied, **self.pending}.values())

    def _applied_only(self, profile_id: str, *, locked: bool) -> Profile:
        if profile_id not in self.applied and profile_id not in self.pending:
            raise not_found(f"profile {profile_id} not found")
        if locked or profile_id in self.pending:
            raise gateway(409, PENDING_LOCK)
        return self.applied[profile_id]

    def _values(self, values: object, kind: ProfileType) -> tuple[str, ...]:
        if not isinstance(values, list) or (not values and not self._switches.empty_lists):
            raise self._invalid([("values", "must be a non-empty array")])
        judge = urlsyntax.regex_reason if kind == "regex" else urlsyntax.destination_reason
        wrong = []
        for place, value in enumerate(values):
            reason = judge(value) if isinstance(value, str) else "must be a string"
            if reason:
                wrong.append((f"values[{place}]", reason))
        if wrong:
            raise self._invalid(wrong)
        return self._listed(values)

    def _listed(self, values: Iterable[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(values) if self._switches.profile_dedup else values)

    def _check_limits(self, profile: Profile) -> None:
        regex = profile.type == "regex"
        others = [held for held in self._newest() if held.id != profile.id and (held.type == "regex") == regex]
        total = sum(len(held.values) for held in others) + len(profile.values)
        limits = self._limits
        if not regex and len(profile.values) > limits.exact_values:
            raise self._invalid([("values", f"a profile holds at most {limits.exact_values} values")])
        most = limits.regex_total if regex else limits.exact_total
        if total > most:
            raise self._invalid(
                [("values", f"all {'regex' if regex else 'exact'} profiles hold at most {most} values")]
            )

    def _invalid(self, wrong: Iterable[tuple[str, str]]) -> RefusedError:
        errors = [{"field": field, "message": message} for field, message in wrong]
        return RefusedError(self._switches.profile_invalid_status, {"validation_errors": errors})


def _wrong(description: object, kind: ProfileType | None) -> list[tuple[str, str]]:
    wrong = []
    if not isinstance(description, str) or len(description) > 200:
        wrong.append(("description", "must be a string of at most 200 characters"))
    if kind is None:
        wrong.append(("type", "must be one of insensitive, sensitive, regex"))
    return wrong
