"""Where at a destination an indicator goes, and which indicators can be represented there.

A target's id is part of the keys of `ioc.desired.*` and `ioc.applied.*`; its parameters travel with every entry, so a
pusher needs to know nothing of sharings. What a target can do is said by the target: shared code asks for capabilities
and never for a kind. The kinds themselves are in `schemas.vendors`.
"""

from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import quote

from pydantic import ConfigDict
from pydantic.alias_generators import to_camel

from schemas.record import Part
from schemas.types import IndicatorType, Severity


class Unrepresentable(StrEnum):
    """Why an indicator cannot be at a target at all. Stable codes."""

    OTHER_FAMILY = "other_family"
    HASH_TYPE = "hash_type_not_supported"
    ADDRESS_FAMILY = "ipv6_not_supported"
    ACTION = "action_not_for_type"
    BY_TABLE = "skipped_by_action_table"


class Target(Part):
    """One concrete place at a destination, as it travels with each entry. The base of every kind of target."""

    model_config = ConfigDict(
        extra="ignore",
        frozen=True,
        alias_generator=to_camel,
        validate_by_name=True,
        serialize_by_alias=True,
        use_attribute_docstrings=True,
    )

    sends_metadata: ClassVar[bool] = False
    """Whether the vendor is told severity, comments and tags, so that an edit of these is sent."""
    is_readable: ClassVar[bool] = False
    """Whether the pusher reads what is there before it writes, so that a released entry needs no record."""
    unsent: ClassVar[frozenset[str]] = frozenset()
    """Fields for the pusher alone: an edit of one is no reason to call the vendor."""
    newer: ClassVar[frozenset[str]] = frozenset()
    """Fields that the kind did not have from the beginning: at its default, such a field changes no entry."""
    id_punctuation: ClassVar[str] = ""
    """Characters that stand for themselves in its id, behind the kind."""

    if TYPE_CHECKING:
        kind: str
        """Which kind of target it is; each kind says its own as a `Literal`."""

    @property
    def id(self) -> str:
        """Key part: the kind, and what tells it from others of the kind. Never holds a slash."""
        raise NotImplementedError

    @property
    def sends_expiry(self) -> bool:
        """Whether the vendor is told when the indicator expires, and removes it by itself."""
        return False

    @property
    def covers_subdomains(self) -> bool:
        """Whether a domain covers what is below it, too."""
        return False

    def url_coverage(self, url: str) -> str:  # noqa: ARG002  # for kinds that read URLs in a way of their own
        """What a URL covers, for people."""
        return "this URL"

    def refuses(self, type_: IndicatorType) -> Unrepresentable | None:
        """Why an indicator of a type cannot be here; None: it can."""
        raise NotImplementedError

    def content(self) -> str:
        """What the vendor is told of the target itself: entries are sent again when it changes."""
        fields = type(self).model_fields
        unset = {name for name in self.newer if getattr(self, name) == fields[name].default}
        return self.model_dump_json(exclude={*self.unsent, *unset})


class NamedTarget(Target):
    """A target that its name tells from others of its kind, as lists are."""

    if TYPE_CHECKING:
        name: str
        """What it is called at the vendor."""

    @property
    def id(self) -> str:
        """Key part: kind and percent-encoded name."""
        return f"{self.kind}:{quote(self.name, safe='')}"


class SharingTarget:
    """Where a sharing puts indicators, as people write it. A kind that is one place is its own `Target`."""

    is_shared: ClassVar[bool] = True
    """Whether it describes one place, so that all sharings into that place must describe it alike."""

    if TYPE_CHECKING:
        kind: str
        """Which kind of target it is."""

    @property
    def id(self) -> str:
        """Which place it is; the kind alone where that depends on the indicator."""
        return self.kind

    @property
    def containers(self) -> tuple[str, ...]:
        """What it fills at the vendor, by name: no two targets may fill one."""
        return ()

    def domain_entries(self, *, has_wide_wildcard: bool) -> tuple[str, ...]:  # noqa: ARG002
        """The entries that a domain is written as, each by what stands before the domain."""
        return ("",)

    def resolve(self, type_: IndicatorType, severity: Severity) -> "Target | Unrepresentable":  # noqa: ARG002
        """The concrete target for an indicator, or why there is none."""
        assert isinstance(self, Target)
        return self.refuses(type_) or self

    def target_ids(self) -> list[str]:
        """The ids of all concrete targets that indicators may go to."""
        resolved = (self.resolve(type_, severity) for type_ in IndicatorType for severity in Severity)
        return sorted({found.id for found in resolved if isinstance(found, Target)})
