"""Where at a destination an indicator goes, and which indicators can be represented there.

A target's id is part of the keys of `ioc.desired.*` and `ioc.applied.*`; its parameters travel with every entry, so a
pusher needs to know nothing of sharings.
"""

from enum import StrEnum
from typing import Annotated, Literal, Self
from urllib.parse import quote

from pydantic import ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from schemas.record import Part
from schemas.types import Family, IndicatorType, Severity

EMPTY_HASH = "f" * 64
MOST_OVERFLOW = 9
"""Further lists that one URL list may have."""


class Unrepresentable(StrEnum):
    """Why an indicator cannot be at a target at all. Stable codes."""

    OTHER_FAMILY = "other_family"
    HASH_TYPE = "hash_type_not_supported"
    ADDRESS_FAMILY = "ipv6_not_supported"
    ACTION = "action_not_for_type"
    BY_TABLE = "skipped_by_action_table"


class _Target(Part):
    model_config = ConfigDict(
        extra="ignore",
        frozen=True,
        alias_generator=to_camel,
        validate_by_name=True,
        serialize_by_alias=True,
        use_attribute_docstrings=True,
    )


Subdomains = Literal["exact", "below"]
"""What a domain covers where a list says it: `exact` that host alone, `below` the host and everything below it."""


class UrlList(_Target):
    """A Netskope URL list, and those it overflows into; created when missing. `default` keeps an empty one valid."""

    kind: Literal["url-list"]
    """A URL list."""
    name: Annotated[str, Field(min_length=1, max_length=255)]
    """The list's name at Netskope."""
    match: Literal["exact", "regex"] = "exact"
    """How Netskope reads its entries."""
    subdomains: Subdomains = "below"
    """What a domain covers: below, the domain and everything below it, as at Defender; exact, that host alone."""
    size_mb: Annotated[int, Field(ge=1, le=7)] = 7
    """Most the list may grow to, MB."""
    default: Annotated[str, Field(min_length=1)] = "ioc-bridge.invalid"
    """Entry that stands in an otherwise empty list."""
    overflow: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=255)], ...] | None, Field(max_length=MOST_OVERFLOW)
    ] = None
    """Further lists by name: what does not fit into the list goes into the first of these with room."""

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        twice = next((name for at, name in enumerate(self.lists) if name in self.lists[:at]), None)
        if twice is not None:
            raise ValueError(f"overflow names {twice!r} again: name each further list once, and not the list itself")
        return self

    @property
    def lists(self) -> tuple[str, ...]:
        """The names of all its lists, in the order they are filled."""
        return (self.name, *(self.overflow or ()))

    @property
    def id(self) -> str:
        """Key part: kind and percent-encoded name."""
        return f"{self.kind}:{quote(self.name, safe='')}"

    def resolve(self, type_: IndicatorType, _: Severity) -> "UrlList | Unrepresentable":
        """This list, or why it cannot hold the type."""
        return self.refuses(type_) or self

    def refuses(self, type_: IndicatorType) -> Unrepresentable | None:
        """Why a type cannot be in this list. Netskope: URL list best practices (no IPv6)."""
        if type_.family is not Family.URL:
            return Unrepresentable.OTHER_FAMILY
        return Unrepresentable.ADDRESS_FAMILY if type_ is IndicatorType.IPV6 else None


class FileHashList(_Target):
    """A Netskope file-hash list; it must exist. `default` stands in it while nothing is to be shared."""

    kind: Literal["file-hash-list"]
    """A file-hash list."""
    name: Annotated[str, Field(min_length=1, max_length=255)]
    """The list's name at Netskope."""
    size_mb: Annotated[int, Field(ge=1, le=8)] = 8
    """Most the list may grow to, MB."""
    default: Annotated[str, Field(pattern=r"^([0-9a-f]{32}|[0-9a-f]{64})$")] = EMPTY_HASH
    """Hash that stands in an otherwise empty list."""

    @property
    def id(self) -> str:
        """Key part: kind and percent-encoded name."""
        return f"{self.kind}:{quote(self.name, safe='')}"

    def resolve(self, type_: IndicatorType, _: Severity) -> "FileHashList | Unrepresentable":
        """This list, or why it cannot hold the type."""
        return self.refuses(type_) or self

    def refuses(self, type_: IndicatorType) -> Unrepresentable | None:
        """Why a type cannot be in this list. Netskope: Update a File Hash List (MD5 and SHA-256 only)."""
        if type_.family is not Family.HASH:
            return Unrepresentable.OTHER_FAMILY
        return Unrepresentable.HASH_TYPE if type_ is IndicatorType.SHA1 else None


MOST_VALUES = 100_000
"""Values that Netskope lets one destination profile have, unless it is of patterns (vendor-written connectors)."""
MOST_PATTERNS = 1_000
"""Values that Netskope lets all destination profiles of patterns have together (vendor-written connectors)."""


class DestinationProfile(_Target):
    """A Netskope destination profile, created when missing. `default` keeps it valid while nothing is to be shared.

    Values stand there without scheme. Networks (`CIDR:`, `RANGE:`) are other people's: no indicator is one.
    """

    kind: Literal["destination-profile"]
    """A destination profile."""
    name: Annotated[str, Field(min_length=1, max_length=100, pattern=r'^[^";]*$')]
    """The profile's name at Netskope; no quotes, no semicolons."""
    match: Literal["insensitive", "sensitive", "regex"] = "insensitive"
    """How Netskope reads its values."""
    subdomains: Subdomains = "below"
    """What a domain covers: below, the domain and everything below it, as at Defender; exact, that host alone."""
    limit: Annotated[int | None, Field(ge=1, le=MOST_VALUES)] = None
    """Most values it may grow to; absent: as many as Netskope takes, 100,000, or 1,000 where match is regex."""
    description: Annotated[str, Field(max_length=200)] = "Kept by ioc-bridge"
    """Description it is created with."""
    default: Annotated[str, Field(min_length=1)] = "ioc-bridge.invalid"
    """Value that stands in an otherwise empty profile."""

    @model_validator(mode="after")
    def _within_reach(self) -> "DestinationProfile":
        if self.match == "regex" and (self.limit or 0) > MOST_PATTERNS:
            raise ValueError(f"a tenant takes {MOST_PATTERNS} regex values: set limit to that at most, or leave it out")
        return self

    @property
    def id(self) -> str:
        """Key part: kind and percent-encoded name."""
        return f"{self.kind}:{quote(self.name, safe='')}"

    @property
    def most(self) -> int:
        """Values it may grow to."""
        return self.limit or (MOST_PATTERNS if self.match == "regex" else MOST_VALUES)

    def resolve(self, type_: IndicatorType, _: Severity) -> "DestinationProfile | Unrepresentable":
        """This profile, or why it cannot hold the type."""
        return self.refuses(type_) or self

    def refuses(self, type_: IndicatorType) -> Unrepresentable | None:
        """Why a type cannot be in this profile. Vendor-written connectors: hosts, URLs and IPv4, no IPv6."""
        if type_.family is not Family.URL:
            return Unrepresentable.OTHER_FAMILY
        return Unrepresentable.ADDRESS_FAMILY if type_ is IndicatorType.IPV6 else None


Action = Literal["Audit", "Warn", "Block", "BlockAndRemediate", "Allowed"]
"""What Defender takes today. Microsoft: Indicator resource type."""

VendorSeverity = Literal["Informational", "Low", "Medium", "High"]
"""What Defender takes today. Microsoft: Indicator resource type."""

AllowDeletion = Literal["no", "owned", "any"]
"""What may be deleted to make room in a tenant that is full: nothing, what we wrote, or what anybody wrote."""


class DefenderAction(_Target):
    """What Defender shall do with an indicator. Audit always alerts (Microsoft: Create indicators)."""

    kind: Literal["defender-action"]
    """An action of Defender."""
    action: Action
    """What Defender shall do."""
    generate_alert: bool = False
    """Whether Defender raises an alert."""
    expires: bool = True
    """Whether Defender is told when the indicator expires."""
    severity: VendorSeverity | None = None
    """Severity at Defender; absent: the nearest to the indicator's own."""
    rbac_groups: Annotated[tuple[str, ...], Field(max_length=50)] = ()
    """Device groups it is for, by name; empty: all devices."""
    educate_url: str | None = None
    """Page that a user who is warned or blocked is sent to."""
    bypass_hours: Annotated[int | None, Field(ge=1)] = None
    """How long a user who was warned may go on, hours."""
    allow_deletion: AllowDeletion = "no"
    """What may be deleted to make room for it when the tenant is full. Defender is not told."""

    @model_validator(mode="after")
    def _audit_alerts(self) -> "DefenderAction":
        if self.action == "Audit":  # set in place: who calls the constructor gets this object, whatever is returned
            object.__setattr__(self, "generate_alert", True)
        return self

    @property
    def id(self) -> str:
        """Key part: kind and action, and the device groups where it is not for all: together they tell rows apart."""
        groups = ",".join(quote(group, safe="") for group in sorted(self.rbac_groups))
        return f"{self.kind}:{self.action}:{groups}" if groups else f"{self.kind}:{self.action}"

    def refuses(self, type_: IndicatorType) -> Unrepresentable | None:
        """Why a type cannot have this action. Microsoft: Create indicators (BlockAndRemediate is for files)."""
        if self.action == "BlockAndRemediate" and type_.family is not Family.HASH:
            return Unrepresentable.ACTION
        return None


Target = Annotated[UrlList | FileHashList | DestinationProfile | DefenderAction, Field(discriminator="kind")]

TARGETS_OF = {
    "netskope": ("url-list", "file-hash-list", "destination-profile"),
    "defender": ("defender-action",),
    "api": (),
}
"""Which targets a connection type has."""
