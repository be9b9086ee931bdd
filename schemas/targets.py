"""Targets: where at a destination an indicator goes, and which indicators can be represented there.

A target's id is part of the keys of `ioc.desired.*` and `ioc.applied.*`; its parameters are part of every entry, so a
pusher needs no sharings. Shared code asks a target for its capabilities, never for its kind. `schemas.vendors` has the
kinds.
"""

from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import quote

from pydantic import ConfigDict
from pydantic.alias_generators import to_camel

from schemas.record import Part
from schemas.types import IndicatorType, Severity


class Unrepresentable(StrEnum):
    """Why an indicator cannot be represented at a target. Stable codes."""

    OTHER_FAMILY = "other_family"
    HASH_TYPE = "hash_type_not_supported"
    ADDRESS_FAMILY = "ipv6_not_supported"
    ACTION = "action_not_for_type"
    BY_TABLE = "skipped_by_action_table"


class Target(Part):
    """One concrete place at a destination: part of every entry. The base of every kind of target."""

    model_config = ConfigDict(
        extra="ignore",
        frozen=True,
        alias_generator=to_camel,
        validate_by_name=True,
        serialize_by_alias=True,
        use_attribute_docstrings=True,
    )

    sends_metadata: ClassVar[bool] = False
    """Whether severity, comments and tags are sent to the vendor, so that an edit of these is sent."""
    is_readable: ClassVar[bool] = False
    """Whether the pusher reads what is there before it writes, so that a released entry needs no record."""
    unsent: ClassVar[frozenset[str]] = frozenset()
    """Fields for the pusher only: their edits are not sent to the vendor."""
    newer: ClassVar[frozenset[str]] = frozenset()
    """Fields added to the kind later: at its default, such a field changes no entry."""
    id_punctuation: ClassVar[str] = ""
    """Characters that are not percent-encoded in its id, after the kind."""

    if TYPE_CHECKING:
        kind: str
        """Which kind of target it is; each kind says its own as a `Literal`."""

    @property
    def id(self) -> str:
        """Key part: the kind, and what tells it from others of the kind. Never holds a slash."""
        raise NotImplementedError

    @property
    def sends_expiry(self) -> bool:
        """Whether the expiry is sent to the vendor, which then removes the indicator itself."""
        return False

    @property
    def covers_subdomains(self) -> bool:
        """Whether a domain also covers everything below it."""
        return False

    def url_coverage(self, url: str) -> str:  # noqa: ARG002  # for kinds that read URLs differently
        """What a URL covers, as text."""
        return "this URL"

    def refuses(self, type_: IndicatorType) -> Unrepresentable | None:
        """Why indicators of a type cannot be here; None if they can."""
        raise NotImplementedError

    def content(self) -> str:
        """The target's part of the payload: when it changes, entries are sent again."""
        fields = type(self).model_fields
        unset = {name for name in self.newer if getattr(self, name) == fields[name].default}
        return self.model_dump_json(exclude={*self.unsent, *unset})


class NamedTarget(Target):
    """A target that is identified by its name, such as a list."""

    if TYPE_CHECKING:
        name: str
        """What it is called at the vendor."""

    @property
    def id(self) -> str:
        """Key part: kind and percent-encoded name."""
        return f"{self.kind}:{quote(self.name, safe='')}"


class SharingTarget:
    """The target in a sharing, as people write it. A kind that is a single place is its own `Target`."""

    is_shared: ClassVar[bool] = True
    """Whether it describes a single place, so that all sharings into that place must describe it alike."""

    if TYPE_CHECKING:
        kind: str
        """Which kind of target it is."""

    @property
    def id(self) -> str:
        """The id of the place; only the kind if the place depends on the indicator."""
        return self.kind

    @property
    def containers(self) -> tuple[str, ...]:
        """The names of what it fills at the vendor. No two targets may fill the same."""
        return ()

    def domain_entries(self, *, has_wide_wildcard: bool) -> tuple[str, ...]:  # noqa: ARG002
        """The prefixes of the entries that a domain is written as."""
        return ("",)

    def resolve(self, type_: IndicatorType, severity: Severity) -> "Target | Unrepresentable":  # noqa: ARG002
        """The concrete target for an indicator, or why there is none."""
        assert isinstance(self, Target)
        return self.refuses(type_) or self

    def target_ids(self) -> list[str]:
        """The ids of all concrete targets that it can resolve to."""
        resolved = (self.resolve(type_, severity) for type_ in IndicatorType for severity in Severity)
        return sorted({found.id for found in resolved if isinstance(found, Target)})
