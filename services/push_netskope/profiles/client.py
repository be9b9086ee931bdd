"""The calls of Netskope's destination profiles (API v2) that the pusher needs. Takes no decisions.

Invariant: every write returns whether its change is pending; an answer that does not say so counts as pending.
No document describes these routes: the forms here are those of vendor-written connectors.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel, TypeAdapter

from services.push_netskope.client import NetskopeClient
from services.runtime.vendors.errors import BrokenAnswerError, ConflictError, RefusedError
from services.runtime.vendors.lenient import Count, Id, Text, Texts

_PROFILES: Final = "/api/v2/profiles/destinations"
_FIELDS: Final = "id,name,type,values_count"
_PAGE: Final = 100
_LOOKS: Final = 3
"""Attempts to read a profile whose position changes between listing and read."""
_LOCKED: Final = "operation on pending profile is not allowed"
_PLACE: Final = re.compile(r"values\[(\d+)\]$")


class Listed(BaseModel):
    """A profile without its values."""

    id: Text = ""
    name: Text = ""
    type: Text = "insensitive"
    values_count: Count = 0


class _Held(Listed):
    values: Texts = ()


class _Written(BaseModel):
    status: Text = ""


class _Made(_Written):
    id: Id


class _Deployed(BaseModel):
    applied: Texts = ()


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile, including pending changes. A value may occur several times."""

    id: str
    name: str
    type: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ProfileListing:
    """The requested profile (None if there is none), and the other profiles, which share its limits."""

    there: Profile | None
    others: Sequence[Listed]

    def taken(self, *, patterns: bool) -> int:
        """Number of values in other profiles with the same limit: pattern profiles, or the rest."""
        return sum(other.values_count for other in self.others if (other.type == "regex") == patterns)


_LISTED, _HELD = TypeAdapter(Listed), TypeAdapter(_Held)
_WRITTEN, _MADE, _DEPLOYED = TypeAdapter(_Written), TypeAdapter(_Made), TypeAdapter(_Deployed)


class ProfileClient:
    """Calls for destination profiles, made by the connection's client."""

    def __init__(self, client: NetskopeClient) -> None:
        self._client = client

    def listing(self, name: str) -> ProfileListing:
        """The profile of this name with its values, and all others without values.

        Raises:
            BrokenAnswerError: profiles are created or deleted while it is read.

        """
        for _ in range(_LOOKS):
            listed = list(self._listed())
            position = next((position for position, one in enumerate(listed) if one.name == name), None)
            if position is None:
                return ProfileListing(None, listed)
            found = self._at(position)
            if found is not None and found.id == listed[position].id:
                others = [*listed[:position], *listed[position + 1 :]]
                return ProfileListing(Profile(found.id, found.name, found.type, found.values), others)
        text = f"the profile {name} is at another position on each read"
        raise BrokenAnswerError(self._client.name, "profile_read", text, kind="unexpected")

    def create(self, name: str, description: str, type_: str, values: Sequence[str]) -> tuple[str, bool]:
        """Create a profile. Returns its id, and whether it is pending.

        Raises:
            RefusedError: a value is invalid (see `refused_values`), or the name is taken.

        """
        body = {"name": name, "description": description, "type": type_, "values": list(values)}
        answer = self._client.policy("POST", _PROFILES, "profile_create", json=body, repeatable=False)
        made = self._client.parsed(_MADE, answer, "profile_create")
        return made.id, made.status != "applied"

    def replace(self, profile_id: str, type_: str, values: Sequence[str]) -> bool:
        """Replace all values; requires the type. Returns whether the change is pending. Raises like `create`."""
        body = {"type": type_, "values": list(values)}
        return self._patch(f"{_PROFILES}/{profile_id}", "profile_replace", body, repeatable=True)

    def operate(self, profile_id: str, operation: str, values: Sequence[str]) -> bool:
        """`append` or `remove` a few values. Returns whether the change is pending. Raises like `create`."""
        body = {"operation": {"op": operation, "values": list(values)}}
        path = f"{_PROFILES}/{profile_id}/values"
        return self._patch(path, f"profile_{operation}", body, repeatable=operation == "remove")

    def deploy(self, profile_id: str) -> None:
        """Apply the pending changes of this profile, of any author.

        Raises:
            RefusedError: the vendor refuses it, or does not list the profile as applied.

        """
        route = "profile_deploy"
        answer = self._client.policy("POST", f"{_PROFILES}/deploy", route, json={"ids": [profile_id]})
        if profile_id not in self._client.parsed(_DEPLOYED, answer or {}, route).applied:
            text = "the answer does not say that the profile was applied; look for a change that waits in Netskope"
            raise RefusedError(self._client.name, route, text, status=200, code="", message=text, body=answer)

    def _listed(self) -> Iterator[Listed]:
        offset = 0
        while True:
            page = self._client.rows(_LISTED, self._page(_FIELDS, offset, _PAGE), "profiles_find")
            yield from (one or Listed() for one in page)  # an unreadable one still counts as a position
            if len(page) < _PAGE:
                return
            offset += len(page)

    def _at(self, position: int) -> _Held | None:
        """The profile at a position of the listing: the only way to read the values of a single profile."""
        found = self._client.rows(_HELD, self._page(f"{_FIELDS},values", position, 1), "profile_read")
        return found[0] if found else None

    def _page(self, fields: str, offset: int, limit: int) -> object:
        params = {"fields": fields, "offset": str(offset), "limit": str(limit)}
        route = "profiles_find" if limit > 1 else "profile_read"
        answer = self._client.policy("GET", _PROFILES, route, params=params)
        return answer.get("elements") if isinstance(answer, Mapping) else answer

    def _patch(self, path: str, route: str, body: object, *, repeatable: bool) -> bool:
        answer = self._client.policy("PATCH", path, route, json=body, repeatable=repeatable)
        return self._client.parsed(_WRITTEN, answer or {}, route).status != "applied"


def is_locked(error: RefusedError) -> bool:
    """Whether a profile refuses changes because another is pending. A deploy unlocks it."""
    return isinstance(error, ConflictError) and _LOCKED in error.message.lower()


def refused_values(error: RefusedError, values: Sequence[str]) -> dict[str, str] | None:
    """The sent values that a refusal names, with the vendor's reasons; None if it names none.

    The shape is seen in connectors: `{"validation_errors": [{"field": "values[3]", …}]}`.
    """
    errors = error.body.get("validation_errors") if isinstance(error.body, Mapping) else None
    if not isinstance(errors, list) or not errors:
        return None
    found = {}
    for one in errors:
        position = _PLACE.search(str(one.get("field"))) if isinstance(one, Mapping) else None
        if position and int(position[1]) < len(values):
            texts = [str(text) for key, text in one.items() if key != "field"]
            found[values[int(position[1])]] = "; ".join(texts) or "no reason given"
    return found
