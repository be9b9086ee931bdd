"""Netskope: its connection, the lists and profiles that indicators can be put into, and its registration."""

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from schemas.connections import SecretRef, TenantSpec, Url
from schemas.duration import Duration, parse
from schemas.part import Part
from schemas.targets import NamedTarget, SharingTarget, Unrepresentable
from schemas.types import Family, IndicatorType
from schemas.vendors.vendor import Service, Vendor

EMPTY_HASH = "f" * 64
MOST_OVERFLOW = 9
"""Further lists that one URL list may have."""


class Deploy(Part):
    """How changes of URL lists come into force: the vendor's deploy applies all that wait, whoever made them."""

    others_pending: Annotated[
        Literal["wait", "deploy"],
        Field(
            description="what becomes of ours while changes of other people wait: `wait` holds them until those are "
            "applied or discarded, `deploy` applies those of other people along"
        ),
    ] = "wait"


class NetskopeTenant(TenantSpec):
    """A Netskope tenant. The v1 token is needed for file-hash lists only. The server's wait_time paces the polls."""

    type: Annotated[Literal["netskope"], Field(description="which vendor")]
    tenant_url: Annotated[Url, Field(description="for example https://acme.goskope.com")]
    v2_token: Annotated[SecretRef, Field(description="where the REST API v2 token is")]
    v1_token: Annotated[
        SecretRef | None, Field(description="where the REST API v1 token is; needed for file-hash lists only")
    ] = None
    poll_interval: Annotated[Duration, Field(description="upper bound on the server's own wait_time")] = parse("5m")
    wildcard_covers_apex: Annotated[
        bool,
        Field(
            description="whether `*.evil.example` in a URL list of this tenant matches `evil.example`, too: then a "
            "domain is one entry there; false writes both, which is right in every tenant"
        ),
    ] = False
    deploy: Annotated[Deploy, Field(description="how changes of URL lists come into force")] = Deploy()

    @property
    def has_wide_wildcard(self) -> bool:
        """Whether `*.host` in a URL list covers `host`, too."""
        return self.wildcard_covers_apex

    def lacks(self, kind: str) -> str | None:
        """File-hash lists need API v1."""
        if kind == "file-hash-list" and self.v1_token is None:
            return "a file-hash list needs the v1 token: set v1Token"
        return None


Subdomains = Literal["exact", "below"]
"""What a domain covers where a list says it: `exact` that host alone, `below` the host and everything below it."""


class _SiteTarget(NamedTarget, SharingTarget):
    """What lists and profiles of sites have in common. Netskope: URL Lists, URL List Best Practices."""

    is_readable: ClassVar[bool] = True

    if TYPE_CHECKING:
        match: str
        subdomains: Subdomains

    @property
    def covers_subdomains(self) -> bool:
        """Whether a domain covers what is below it, too."""
        return self.subdomains == "below"

    def url_coverage(self, url: str) -> str:
        """A URL stands there without scheme, and covers what begins with it."""
        address = url.partition("://")[2]
        host, _, rest = address.partition("/")
        return f"what begins with {address}, by http or https" if rest else f"{host} alone, by http or https"

    def domain_entries(self, *, has_wide_wildcard: bool) -> tuple[str, ...]:  # noqa: ARG002
        """The host and a wildcard, or the host alone."""
        return ("",) if self.match == "regex" or self.subdomains == "exact" else ("", "*.")

    def refuses(self, type_: IndicatorType) -> Unrepresentable | None:
        """Why a type cannot be here: hosts, URLs and IPv4, no IPv6 (also: vendor-written connectors)."""
        if type_.family is not Family.URL:
            return Unrepresentable.OTHER_FAMILY
        return Unrepresentable.ADDRESS_FAMILY if type_ is IndicatorType.IPV6 else None


class UrlList(_SiteTarget):
    """A Netskope URL list, and those it overflows into; created when missing. `default` keeps an empty one valid."""

    newer: ClassVar[frozenset[str]] = frozenset({"overflow", "subdomains"})

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
    def containers(self) -> tuple[str, ...]:
        """Its lists, which no other target may write."""
        return self.lists

    def domain_entries(self, *, has_wide_wildcard: bool) -> tuple[str, ...]:
        """The host and a wildcard; one of them where that is enough."""
        entries = super().domain_entries(has_wide_wildcard=has_wide_wildcard)
        return entries[-1:] if has_wide_wildcard else entries

    @property
    def lists(self) -> tuple[str, ...]:
        """The names of all its lists, in the order they are filled."""
        return (self.name, *(self.overflow or ()))


class FileHashList(NamedTarget, SharingTarget):
    """A Netskope file-hash list; it must exist. `default` stands in it while nothing is to be shared."""

    kind: Literal["file-hash-list"]
    """A file-hash list."""
    name: Annotated[str, Field(min_length=1, max_length=255)]
    """The list's name at Netskope."""
    size_mb: Annotated[int, Field(ge=1, le=8)] = 8
    """Most the list may grow to, MB."""
    default: Annotated[str, Field(pattern=r"^([0-9a-f]{32}|[0-9a-f]{64})$")] = EMPTY_HASH
    """Hash that stands in an otherwise empty list."""

    def refuses(self, type_: IndicatorType) -> Unrepresentable | None:
        """Why a type cannot be in this list. Netskope: Update a File Hash List (MD5 and SHA-256 only)."""
        if type_.family is not Family.HASH:
            return Unrepresentable.OTHER_FAMILY
        return Unrepresentable.HASH_TYPE if type_ is IndicatorType.SHA1 else None


MOST_VALUES = 100_000
"""Values that Netskope lets one destination profile have, unless it is of patterns (vendor-written connectors)."""
MOST_PATTERNS = 1_000
"""Values that Netskope lets all destination profiles of patterns have together (vendor-written connectors)."""


class DestinationProfile(_SiteTarget):
    """A Netskope destination profile, created when missing. `default` keeps it valid while nothing is to be shared.

    Values stand there without scheme. Networks (`CIDR:`, `RANGE:`) are other people's: no indicator is one.
    """

    newer: ClassVar[frozenset[str]] = frozenset({"subdomains"})

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
    def most(self) -> int:
        """Values it may grow to."""
        return self.limit or (MOST_PATTERNS if self.match == "regex" else MOST_VALUES)


_TARGETS = (UrlList, FileHashList, DestinationProfile)

VENDOR = Vendor(
    name="netskope",
    title="Netskope",
    spec=NetskopeTenant,
    targets=_TARGETS,
    sharing_targets=_TARGETS,
    puller=Service("pull_netskope", "netskope-tenants"),
    pusher=Service("push_netskope", "netskope-tenants", memory_limit="1Gi"),
)
