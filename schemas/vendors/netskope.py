"""Netskope: its connection, its lists and profiles, and its registration."""

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
    """How changes of URL lists take effect: Netskope's deploy applies all pending changes, of other people too."""

    others_pending: Annotated[
        Literal["wait", "deploy"],
        Field(
            description="our changes while those of other people are pending: `wait` holds ours until theirs are "
            "applied or discarded, `deploy` deploys theirs with ours"
        ),
    ] = "wait"


class NetskopeTenant(TenantSpec):
    """A Netskope tenant. Only file-hash lists need the v1 token. The server's wait_time sets the pace of polls."""

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
            description="whether `*.evil.example` in a URL list of this tenant also matches `evil.example`: then a "
            "domain is one entry there; false writes both entries, which is correct in every tenant"
        ),
    ] = False
    deploy: Annotated[Deploy, Field(description="how changes of URL lists take effect")] = Deploy()

    @property
    def has_wide_wildcard(self) -> bool:
        """Whether `*.host` in a URL list covers `host`, too."""
        return self.wildcard_covers_apex

    def lacks(self, kind: str) -> str | None:
        """Return that the v1 token is missing for a file-hash list, which needs API v1; None otherwise."""
        if kind == "file-hash-list" and self.v1_token is None:
            return "a file-hash list needs the v1 token: set v1Token"
        return None


Subdomains = Literal["exact", "below"]
"""What a domain in a list covers: `exact` that host alone, `below` the host and all its subdomains."""


class _SiteTarget(NamedTarget, SharingTarget):
    """Base of URL lists and destination profiles. Netskope: URL Lists, URL List Best Practices."""

    is_readable: ClassVar[bool] = True

    if TYPE_CHECKING:
        match: str
        subdomains: Subdomains

    @property
    def covers_subdomains(self) -> bool:
        """Whether a domain covers its subdomains."""
        return self.subdomains == "below"

    def url_coverage(self, url: str) -> str:
        """Describe what a URL entry matches: it has no scheme, and covers every address that begins with it."""
        address = url.partition("://")[2]
        host, _, rest = address.partition("/")
        return f"what begins with {address}, by http or https" if rest else f"{host} alone, by http or https"

    def domain_entries(self, *, has_wide_wildcard: bool) -> tuple[str, ...]:  # noqa: ARG002
        """Return the prefixes of a domain's entries: the host and a wildcard, or the host alone."""
        return ("",) if self.match == "regex" or self.subdomains == "exact" else ("", "*.")

    def refuses(self, type_: IndicatorType) -> Unrepresentable | None:
        """Return why a type cannot be here: only hosts, URLs and IPv4 can (also: vendor-written connectors)."""
        if type_.family is not Family.URL:
            return Unrepresentable.OTHER_FAMILY
        return Unrepresentable.ADDRESS_FAMILY if type_ is IndicatorType.IPV6 else None


class UrlList(_SiteTarget):
    """A Netskope URL list and its overflow lists, created when missing. `default` keeps an empty list valid."""

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
    """Names of further lists. An entry that does not fit goes into the first of them with room."""

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        twice = next((name for at, name in enumerate(self.lists) if name in self.lists[:at]), None)
        if twice is not None:
            raise ValueError(f"overflow names {twice!r} again: name each further list once, and not the list itself")
        return self

    @property
    def containers(self) -> tuple[str, ...]:
        """The names of its lists, which no other target may write."""
        return self.lists

    def domain_entries(self, *, has_wide_wildcard: bool) -> tuple[str, ...]:
        """Return the prefixes of a domain's entries: the host and a wildcard, or the one that is enough."""
        entries = super().domain_entries(has_wide_wildcard=has_wide_wildcard)
        return entries[-1:] if has_wide_wildcard else entries

    @property
    def lists(self) -> tuple[str, ...]:
        """The names of all its lists, in the order they are filled."""
        return (self.name, *(self.overflow or ()))


class FileHashList(NamedTarget, SharingTarget):
    """A Netskope file-hash list, which must exist. `default` is its only entry while nothing is shared."""

    kind: Literal["file-hash-list"]
    """A file-hash list."""
    name: Annotated[str, Field(min_length=1, max_length=255)]
    """The list's name at Netskope."""
    size_mb: Annotated[int, Field(ge=1, le=8)] = 8
    """Most the list may grow to, MB."""
    default: Annotated[str, Field(pattern=r"^([0-9a-f]{32}|[0-9a-f]{64})$")] = EMPTY_HASH
    """Hash that stands in an otherwise empty list."""

    def refuses(self, type_: IndicatorType) -> Unrepresentable | None:
        """Return why a type cannot be in this list. Netskope: Update a File Hash List (MD5 and SHA-256 only)."""
        if type_.family is not Family.HASH:
            return Unrepresentable.OTHER_FAMILY
        return Unrepresentable.HASH_TYPE if type_ is IndicatorType.SHA1 else None


MOST_VALUES = 100_000
"""Most values of a destination profile without patterns (vendor-written connectors)."""
MOST_PATTERNS = 1_000
"""Most values of all destination profiles with patterns together (vendor-written connectors)."""


class DestinationProfile(_SiteTarget):
    """A Netskope destination profile, created when missing. `default` keeps it valid while nothing is shared.

    Values have no scheme. Networks (`CIDR:`, `RANGE:`) belong to other people: no indicator is a network.
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
            raise ValueError(
                f"a tenant takes {MOST_PATTERNS} regex values: set limit to at most that number, or leave it out"
            )
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
