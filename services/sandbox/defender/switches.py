"""Switches for undocumented behaviour of the vendor's API and for tests. All can change at run time.

A client must work whichever way a switch stands. Defaults are the less forgiving side unless connectors in the field
show that the forgiving one is real.
"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from services.sandbox.defender.errors import Code
from services.sandbox.tenant.quota import Limit


class Bucket(StrEnum):
    """The quota buckets, one per documented endpoint."""

    LIST = "list"
    SUBMIT = "submit"
    IMPORT = "import"
    DELETE = "delete"
    BATCH_DELETE = "batch_delete"


MINUTE, HOUR = 60.0, 3600.0

DOCUMENTED_QUOTAS: dict[Bucket, tuple[Limit, ...]] = {
    Bucket.LIST: (Limit(100, MINUTE), Limit(1500, HOUR)),
    Bucket.SUBMIT: (Limit(100, MINUTE), Limit(1500, HOUR)),
    Bucket.IMPORT: (Limit(30, MINUTE),),
    Bucket.DELETE: (Limit(100, MINUTE), Limit(1500, HOUR)),
    Bucket.BATCH_DELETE: (Limit(30, MINUTE), Limit(1500, HOUR)),
}
"""Calls per minute and hour. Microsoft: List Indicators, Submit or Update Indicator, Import Indicators, Delete
Indicator, Batch Delete Indicators API pages. Reading one by id is not documented; it shares the list's bucket."""


class DefenderSwitches(BaseModel):
    """Every field says what it decides; "unconfirmed" means the vendor's documentation does not settle it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    feature_enabled: bool = True
    """Whether the tenant has custom indicators at all; 403 DisabledFeature otherwise. Microsoft: "Common REST API
    error codes"."""

    # Limits.
    capacity: Annotated[int, Field(ge=0)] = 15_000
    """Active indicators per tenant. Microsoft: "Overview of indicators" (increases are not supported)."""
    capacity_error: Literal["row", "whole"] = "row"
    """Whether an import over capacity fails its rows one by one or the whole request with 400. Unconfirmed."""
    quotas: dict[Bucket, tuple[Limit, ...]] = Field(default_factory=lambda: dict(DOCUMENTED_QUOTAS))
    quota_scope: Literal["app", "tenant"] = "app"
    """Whether apps of one tenant share a quota. Unconfirmed."""
    max_import: int = 500
    max_batch_delete: int = 500
    """Microsoft: Import Indicators API, Batch Delete Indicators API."""
    max_filter_nodes: int | None = 100
    """Nodes a `$filter` may have. Unconfirmed: ASP.NET's default; connectors send 20 values (79 nodes) at most."""
    max_request_line: int | None = 8192
    """Bytes of the request target above which the answer is 414. Unconfirmed: Kestrel's default."""
    max_title: int | None = None
    max_description: int | None = None
    max_value: int | None = None
    """Longest accepted texts. Unconfirmed; connectors truncate titles at 4,000 and values at 800 characters."""

    # Tokens and roles.
    token_lifetime: Annotated[int, Field(ge=1)] = 3599
    """Seconds. Microsoft: "Create an app to access Microsoft Defender for Endpoint without a user"."""
    roles: tuple[str, ...] | None = None
    """Roles of every token issued from now on; None = those of the app registration."""
    secrets_expired: bool = False
    regional_audience: bool = True
    """Whether a regional API host (or this tenant's own URL) is a resource tokens are issued for. Unconfirmed."""
    write_needs_all: bool = False
    """Whether writing needs Ti.ReadWrite.All. Unconfirmed: the documentation of December 2025 lists only that role."""

    # Listing.
    emit_nextlink: bool = False
    """Whether a list that stops before the end says so with `@odata.nextLink`. Unconfirmed."""
    ignore_skip: bool = False
    """Whether `$skip` is ignored, so that only `@odata.nextLink` leads past the first page. It then carries a
    `$skiptoken`. Documented otherwise; a client must not take a part for the whole."""
    page_size: Annotated[int, Field(ge=1, le=10_000)] = 10_000
    """Rows of a page at most; also the page without `$top` (seen in connectors)."""
    list_order: Literal["oldest_first", "newest_first", "scrambled"] = "oldest_first"
    """Order of a list. Unconfirmed; scrambled is the same at every call."""
    filterable: Literal["long", "short"] = "long"
    """Whether the thirteen properties of the List Indicators page or only the six of "OData queries" can be used."""
    unknown_options: Literal["reject", "ignore"] = "reject"
    """What becomes of `$orderby`, `$count`, `$select` and misspelt options. Unconfirmed."""
    filter_case_sensitive: bool = True
    """Whether `indicatorValue eq` tells case apart. Unconfirmed."""
    web_category_row: bool = False
    """Whether lists hold a read-only row of type WebCategory (seen in connectors)."""

    # Submitting.
    action_in_key: bool = True
    """Whether the same value with another action is another row instead of an update. Unconfirmed."""
    duplicate_rows: bool = False
    """Whether submitting the same again always makes another row. Unconfirmed: a reporter's complaint."""
    omitted_on_update: Literal["reset", "keep"] = "reset"
    """What an update does to optional properties it leaves out. Unconfirmed."""
    foreign_upsert: Literal["reject", "update"] = "reject"
    """What happens when an app that sees only its own rows submits one that another owns. Unconfirmed."""
    unknown_properties: Literal["reject", "ignore"] = "reject"
    """What becomes of properties that no indicator has. Unconfirmed."""
    unbindable_row: Literal["whole", "row"] = "whole"
    """Whether one malformed row (missing property, wrong JSON type) fails the whole import. Unconfirmed."""
    empty_import: Literal["accept", "accept_202", "reject"] = "accept"
    """Answer to `{"Indicators": []}`: 200, 202 or 400. Unconfirmed: connectors reckon with all three."""
    import_context: bool = True
    """Whether an import's answer has `@odata.context`. Unconfirmed."""
    md5_accepted: bool = True
    """Whether FileMd5 can be created. Contradictory: documented, but a connector reports refusals."""
    warn_accepted: bool = True
    """Whether Warn works without Defender for Cloud Apps. Contradictory in the documentation."""
    legacy_actions: Literal["reject", "accept"] = "reject"
    """Whether Alert and AlertAndBlock are still taken. Contradictory: "supported until January 2022"."""
    private_ip_error_code: Code = Code.INVALID_IP_ADDRESS
    """Error code for an internal address. Unconfirmed."""
    past_expiration: Literal["reject", "accept"] = "reject"
    """What happens to an expirationTime in the past; accepted, the row is gone at once. Unconfirmed."""
    underscore_labels: Literal["reject", "reject_leading", "accept"] = "reject"
    """Domain labels with `_` (or beginning with it). Unconfirmed; a connector filters the leading ones."""
    schemeless_url: Literal["accept", "reject"] = "accept"
    """Whether a Url may lack its scheme. Unconfirmed; vendor-written code sends such values."""
    bare_host_url: Literal["reject", "accept"] = "reject"
    """Whether a mere host or address may be submitted as Url. Unconfirmed."""

    # Deleting.
    batch_delete_atomic: bool = True
    """Whether a batch with an unknown id deletes nothing (it answers 404 either way). Unconfirmed."""
