"""Guards: what is never shared, and what is held until a person decides. The guard `default` is built in.

Guards add up: an indicator is blocked if any guard blocks it, and of several limits the strictest applies.
"""

from typing import Annotated, Literal

from pydantic import Field

from schemas.part import Part
from schemas.resources.base import Metadata, Name, Resource
from schemas.resources.rule import Expression

DEFAULT = "default"

DEFAULT_LISTS = (
    "captive-portals", "cisco_top1000", "common-ioc-false-positive", "empty-hashes", "google", "microsoft",
    "microsoft-office365", "microsoft-win10-connection-endpoints", "tranco10k",
)  # fmt: skip
"""MISP warning lists that the guard `default` uses: names that blocking would hurt everybody."""

Percent = Annotated[int, Field(ge=1, le=100_000)]


Entries = tuple[str, ...]


class AllowList(Part):
    """The team's own: what is named here is never shared. `schemas/guard_entries.py` says what each entry means."""

    values: Annotated[Entries, Field(description="indicators, each exactly that one, in any spelling")] = ()
    domains: Annotated[
        tuple[Annotated[str, Field(min_length=1)], ...],
        Field(description="a domain with all that is below it, alone or as the host of a URL"),
    ] = ()
    networks: Annotated[
        Entries, Field(description="addresses and ranges of addresses, alone or as the host of a URL")
    ] = ()
    cel: Annotated[tuple[Expression, ...], Field(description="expressions, as in rules")] = ()

    def listed(self) -> dict[str, Entries]:
        """The lists whose entries are names, addresses and indicators, by their fields."""
        return {"values": self.values, "domains": self.domains, "networks": self.networks}


class ShareLimit(Part):
    """How much of something may go, or come, at once. Below `at_least` entries nothing is abnormal."""

    shrink_percent: Annotated[Percent, Field(description="hold when more than this share would go at once")] = 50
    at_least: Annotated[int, Field(ge=1, description="entries that must be concerned before anything is held")] = 100


class TargetLimit(ShareLimit):
    """The same for what a target holds, which may also grow abnormally."""

    surge_percent: Annotated[
        Percent, Field(description="hold when more than this share of what is there would come at once")
    ] = 1_000


class GuardSpec(Part):
    """What one guard keeps back."""

    description: Annotated[str, Field(description="for people: what it is for")] = ""
    connections: Annotated[
        tuple[Name, ...], Field(description="sources and destinations that it is for; empty: all")
    ] = ()
    special_addresses: Annotated[
        bool, Field(description="keep back private, reserved and otherwise special addresses, and local names")
    ] = True
    public_suffixes: Annotated[
        bool,
        Field(
            description="keep back public suffixes (co.uk, github.io) and what covers them (amazonaws.com), since a "
            "block of one blocks names of many owners"
        ),
    ] = True
    share_suffixes: Annotated[
        Entries,
        Field(description="public suffixes that may be shared all the same, whichever guard of the connection says no"),
    ] = ()
    warning_lists: Annotated[
        tuple[str, ...], Field(description="MISP warning lists of benign names, by the names of their folders")
    ] = ()
    allow: AllowList = AllowList()
    listing: Annotated[
        ShareLimit | None, Field(description="hold what a source no longer lists when it is abnormally much")
    ] = None
    target: Annotated[
        TargetLimit | None, Field(description="hold what would change at a target when it is abnormally much")
    ] = None


class Guard(Resource):
    """A configured guard."""

    kind: Annotated[Literal["Guard"], Field(description="which kind of resource")] = "Guard"
    spec: GuardSpec = GuardSpec()


GUARD_DEFAULT = Guard(
    metadata=Metadata(name=DEFAULT),
    spec=GuardSpec(
        description="what nobody should block, and changes that look like a fault",
        warning_lists=DEFAULT_LISTS,
        listing=ShareLimit(),
        target=TargetLimit(),
    ),
)
