"""The vendor's terms: types, actions and severities of an indicator, with the combinations it accepts.

Source: Microsoft, "Indicator resource type" and "Overview of indicators in Microsoft Defender for Endpoint".
"""

from enum import StrEnum


class IndicatorType(StrEnum):
    """What can be submitted, and one kind of row that only the portal makes."""

    FILE_SHA1 = "FileSha1"
    FILE_SHA256 = "FileSha256"
    FILE_MD5 = "FileMd5"
    CERTIFICATE = "CertificateThumbprint"
    IP = "IpAddress"
    DOMAIN = "DomainName"
    URL = "Url"
    WEB_CATEGORY = "WebCategory"
    """Appears in lists, cannot be submitted (seen in connectors)."""


class Action(StrEnum):
    """What a device does on a match. The last two are retired names."""

    WARN = "Warn"
    BLOCK = "Block"
    AUDIT = "Audit"
    BLOCK_AND_REMEDIATE = "BlockAndRemediate"
    ALLOWED = "Allowed"
    ALERT = "Alert"
    ALERT_AND_BLOCK = "AlertAndBlock"


class Severity(StrEnum):
    """The severity that the submitter states."""

    INFORMATIONAL = "Informational"
    LOW = "Low"
    MEDIUM = "Medium"
    HIGH = "High"


HASHES = frozenset({IndicatorType.FILE_SHA1, IndicatorType.FILE_SHA256, IndicatorType.FILE_MD5})
CASELESS = HASHES | {IndicatorType.CERTIFICATE}
"""Types whose values are the same indicator in either case (seen in connectors)."""

LEGACY_ACTIONS = {Action.ALERT: Action.AUDIT, Action.ALERT_AND_BLOCK: Action.BLOCK_AND_REMEDIATE}
"""What the retired actions became, always with an alert. Microsoft: "Overview of indicators"."""

_CURRENT = frozenset({Action.WARN, Action.BLOCK, Action.AUDIT, Action.ALLOWED})


def allowed_actions(kind: IndicatorType) -> frozenset[Action]:
    """The current actions this type takes. Microsoft: "Overview of indicators", table of actions by type."""
    if kind in HASHES:
        return _CURRENT | {Action.BLOCK_AND_REMEDIATE}
    if kind is IndicatorType.CERTIFICATE:
        return frozenset({Action.ALLOWED, Action.BLOCK_AND_REMEDIATE})
    if kind is IndicatorType.WEB_CATEGORY:
        return frozenset()
    return _CURRENT
