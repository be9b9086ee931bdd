"""Microsoft Defender for Endpoint: its connection, its actions on indicators, and its registration.

A sharing has a table of actions, which may use names of older products. The most specific line of the table gives an
indicator its action.
"""

from typing import Annotated, ClassVar, Literal, Self
from urllib.parse import quote

from pydantic import Field, ValidationInfo, field_validator, model_validator

from schemas.connections import SecretRef, TenantSpec, Url
from schemas.duration import Duration, parse
from schemas.part import Part
from schemas.targets import SharingTarget, Target, Unrepresentable
from schemas.types import Family, IndicatorType, Severity
from schemas.vendors.vendor import Service, Vendor

Region = Literal["global", "us", "eu", "uk", "au", "swa", "ina", "aea", "gcc", "gcc-high"]


class DefenderTenant(TenantSpec):
    """A Microsoft Defender for Endpoint tenant. URLs default to those of the region; each can be overridden."""

    type: Annotated[Literal["defender"], Field(description="which vendor")]
    tenant_id: Annotated[str, Field(min_length=1, description="directory (tenant) id in Entra")]
    app_id: Annotated[str, Field(min_length=1, description="application (client) id of the app registration")]
    app_secret: Annotated[SecretRef, Field(description="where the app's client secret is")]
    region: Annotated[Region, Field(description="where the tenant's data lives; decides the URLs")] = "global"
    api_url: Annotated[Url | None, Field(description="instead of the region's API URL")] = None
    login_url: Annotated[Url | None, Field(description="instead of the region's sign-in URL")] = None
    scope: Annotated[str | None, Field(description="instead of the scope that belongs to the API URL")] = None
    poll_interval: Annotated[Duration, Field(description="time between two pulls")] = parse("5m")
    ioc_source: Annotated[
        str, Field(max_length=200, description="what descriptions of our entries there begin with")
    ] = ""
    actions: Annotated[tuple[str, ...], Field(description="actions to pull; empty means all but Allowed")] = ()
    generate_alert: Annotated[bool | None, Field(description="pull only indicators with this setting")] = None


Action = Literal["Audit", "Warn", "Block", "BlockAndRemediate", "Allowed"]
"""The actions of the current API. Microsoft: Indicator resource type."""

VendorSeverity = Literal["Informational", "Low", "Medium", "High"]
"""The severities of the current API. Microsoft: Indicator resource type."""

AllowDeletion = Literal["no", "owned", "any"]
"""Indicators that may be deleted to make room in a full tenant: none, those we wrote, or all."""


class DefenderAction(Target):
    """The action of Defender on an indicator. Audit always alerts (Microsoft: Create indicators)."""

    sends_metadata: ClassVar[bool] = True
    unsent: ClassVar[frozenset[str]] = frozenset({"allow_deletion"})
    id_punctuation: ClassVar[str] = ":,"

    kind: Literal["defender-action"]
    """An action of Defender."""
    action: Action
    """The action on a match."""
    generate_alert: Annotated[bool, Field(validate_default=True)] = False
    """Whether Defender raises an alert."""
    expires: bool = True
    """Whether the expiry of the indicator is sent to Defender."""
    severity: VendorSeverity | None = None
    """Severity at Defender; absent: the nearest to the indicator's own."""
    rbac_groups: Annotated[tuple[str, ...], Field(max_length=50)] = ()
    """Device groups it is for, by name; empty: all devices."""
    educate_url: str | None = None
    """Page that a user who is warned or blocked is sent to."""
    bypass_hours: Annotated[int | None, Field(ge=1)] = None
    """How long a user who was warned may go on, hours."""
    allow_deletion: AllowDeletion = "no"
    """Indicators that may be deleted to make room for it when the tenant is full. Not sent to Defender."""

    @field_validator("generate_alert")
    @classmethod
    def _audit_alerts(cls, value: bool, info: ValidationInfo) -> bool:
        return value or info.data.get("action") == "Audit"

    @property
    def sends_expiry(self) -> bool:
        """Whether the expiry of the indicator is sent to Defender."""
        return self.expires

    @property
    def covers_subdomains(self) -> bool:
        """Always true. Microsoft: Create indicators for IPs and URLs/domains."""
        return True

    def url_coverage(self, url: str) -> str:  # noqa: ARG002
        """Describe what a URL entry matches. Microsoft: Create indicators for IPs and URLs/domains."""
        return "this URL; by its path only where the browser shows Defender the path"

    @property
    def id(self) -> str:
        """Part of the record key: kind, action, and the device groups unless it is for all devices."""
        groups = ",".join(quote(group, safe="") for group in sorted(self.rbac_groups))
        return f"{self.kind}:{self.action}:{groups}" if groups else f"{self.kind}:{self.action}"

    def refuses(self, type_: IndicatorType) -> Unrepresentable | None:
        """Return why a type cannot have this action. Microsoft: Create indicators (BlockAndRemediate is for files)."""
        if self.action == "BlockAndRemediate" and type_.family is not Family.HASH:
            return Unrepresentable.ACTION
        return None


SKIP = "skip"

Name = Literal[
    "Audit", "Warn", "Block", "BlockAndRemediate", "Allowed", "Alert", "AlertAndBlock",
    "unknown", "allow", "block", "alert", "skip",
]  # fmt: skip
"""Current actions, those of the Threat Exchange plug-in 1.2.0 and 1.1.0 (lower case), and `skip`: do not share."""

_TODAY: dict[str, tuple[Action, bool]] = {
    "unknown": ("Audit", True),
    "allow": ("Allowed", False),
    "block": ("Block", False),
    "alert": ("Audit", True),
    "Alert": ("Audit", True),
    "AlertAndBlock": ("BlockAndRemediate", True),
}
"""The current action of each older name, and whether it also alerts. Microsoft: Overview of indicators."""


class ActionEntry(Part):
    """One line of the table: a set of indicators, and their action."""

    types: Annotated[tuple[IndicatorType, ...], Field(description="empty: any type")] = ()
    families: Annotated[tuple[Family, ...], Field(description="url (domains, addresses too) or hash; empty: any")] = ()
    severities: Annotated[tuple[Severity, ...], Field(description="empty: any severity")] = ()
    action: Name

    def rank(self, type_: IndicatorType, severity: Severity) -> int | None:
        """Return how specific this line is for an indicator: type before family before severity. None: no match."""
        if (
            (self.types and type_ not in self.types)
            or (self.families and type_.family not in self.families)
            or (self.severities and severity not in self.severities)
        ):
            return None
        return 4 * bool(self.types) + 2 * bool(self.families) + bool(self.severities)


class SeverityMap(Part):
    """Defender's severity for each of ours. Severities left out become the nearest one."""

    unknown: Annotated[VendorSeverity | None, Field(description="what unknown is there")] = None
    informational: Annotated[VendorSeverity | None, Field(description="what informational is there")] = None
    low: Annotated[VendorSeverity | None, Field(description="what low is there")] = None
    medium: Annotated[VendorSeverity | None, Field(description="what medium is there")] = None
    high: Annotated[VendorSeverity | None, Field(description="what high is there")] = None
    critical: Annotated[VendorSeverity | None, Field(description="what critical is there")] = None


class DefenderTarget(Part, SharingTarget):
    """The actions of Defender on the indicators of a sharing."""

    is_shared: ClassVar[bool] = False

    kind: Annotated[Literal["defender-action"], Field(description="an action of Defender")]
    action: Annotated[Name, Field(description="for indicators that the table does not name")]
    actions: Annotated[
        tuple[ActionEntry, ...], Field(max_length=100, description="by type and severity; the most specific wins")
    ] = ()
    generate_alert: Annotated[bool, Field(description="Audit alerts always, Alert and AlertAndBlock by meaning")] = (
        False
    )
    downgrade: Annotated[
        bool, Field(description="Block where Defender has no BlockAndRemediate, which is for files only")
    ] = False
    expiry: Annotated[
        Literal["indicator", "never"], Field(description="whether the expiry of the indicator is sent to Defender")
    ] = "indicator"
    severity_map: Annotated[
        SeverityMap, Field(description="severity at Defender for each of ours; absent: the nearest")
    ] = SeverityMap()
    rbac_groups: Annotated[
        tuple[Annotated[str, Field(min_length=1)], ...],
        Field(max_length=50, description="names of the device groups it is for; empty: all devices"),
    ] = ()
    educate_url: Annotated[
        Url | None, Field(description="page for users who are warned or blocked on their way to a site")
    ] = None
    bypass_hours: Annotated[
        int | None, Field(ge=1, le=8_760, description="how long a user who was warned may go on, hours; for Warn")
    ] = None
    allow_deletion: Annotated[
        AllowDeletion,
        Field(
            description="when the tenant is full: `no` holds new indicators, `owned` deletes ours of lower rank "
            "(severity, reputation, last report) for them, `any` deletes the oldest ones, of other people too"
        ),
    ] = "no"

    @model_validator(mode="after")
    def _bypass_has_a_use(self) -> Self:
        if self.bypass_hours is not None and "Warn" not in {self.action, *(entry.action for entry in self.actions)}:
            raise ValueError("bypassHours is for the action Warn, and no action here is Warn: leave it out")
        return self

    @model_validator(mode="after")
    def _possible(self) -> Self:
        for type_ in (type_ for type_ in IndicatorType if type_.family is Family.URL):
            for severity in Severity:
                if self._action(type_, severity) == "BlockAndRemediate" and not self.downgrade:
                    raise ValueError(
                        f"Defender has no BlockAndRemediate for {type_} indicators: set downgrade: true, which gives "
                        "them Block, or give the url family another action in actions (skip leaves it out)"
                    )
        return self

    def resolve(self, type_: IndicatorType, severity: Severity) -> DefenderAction | Unrepresentable:
        """Return the concrete action for an indicator, or why there is none."""
        name = self._action(type_, severity)
        if name == SKIP:
            return Unrepresentable.BY_TABLE
        action, alerts = _TODAY.get(name, (name, False))
        if action == "BlockAndRemediate" and type_.family is not Family.HASH:
            action = "Block"
        educates = self.educate_url and type_.family is Family.URL and action in ("Warn", "Block")
        return DefenderAction(
            kind=self.kind,
            action=action,
            generate_alert=alerts or self.generate_alert,
            expires=self.expiry != "never",
            severity=getattr(self.severity_map, severity),
            rbac_groups=tuple(sorted(set(self.rbac_groups))),
            educate_url=str(self.educate_url) if educates else None,
            bypass_hours=self.bypass_hours if action == "Warn" else None,
            allow_deletion=self.allow_deletion,
        )

    def _action(self, type_: IndicatorType, severity: Severity) -> str:
        fitting = ((entry.rank(type_, severity), entry.action) for entry in self.actions)
        ranked = [(rank, action) for rank, action in fitting if rank is not None]
        return max(ranked, key=lambda found: found[0])[1] if ranked else self.action


VENDOR = Vendor(
    name="defender",
    title="Microsoft Defender for Endpoint",
    spec=DefenderTenant,
    targets=(DefenderAction,),
    sharing_targets=(DefenderTarget,),
    puller=Service("pull_defender", "defender-tenants"),
    pusher=Service("push_defender", "defender-tenants", memory_limit="1Gi"),
)
