"""The fields that a test or demo states about an alert; `events` fabricates the rest of the record.

Invariant: a seed names everything a consumer could turn into an indicator; nothing of that is made up.
"""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, model_validator

Md5 = Annotated[str, Field(pattern=r"^[0-9a-fA-F]{32}$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-fA-F]{64}$")]


class _Seed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    timestamp: Annotated[int | None, Field(ge=0, description="when it happened, epoch seconds; null is now")] = None
    extra: Annotated[dict[str, JsonValue], Field(description="fields put over the fabricated ones")] = {}


class MalwareSeed(_Seed):
    """A malware alert. `local_*` are what the fast scan computed; left out they equal the others."""

    kind: Literal["malware"]
    md5: Md5 | None = None
    sha256: Sha256 | None = None
    local_md5: Md5 | None = None
    local_sha256: Sha256 | None = None
    severity: Annotated[str, Field(description="as Netskope writes it: High, Medium, Low, None")] = "High"
    malware_name: str = "Win32.Trojan.Synthetic"
    malware_type: str = "Trojan"
    object: str = "sample.exe"
    url: str = "files.example/drop/sample.exe"

    @model_validator(mode="after")
    def _names_a_file(self) -> Self:
        if not (self.md5 or self.sha256 or self.local_md5 or self.local_sha256):
            raise ValueError("a malware seed needs md5, sha256, local_md5 or local_sha256")
        return self


class MalsiteSeed(_Seed):
    """A malicious-site alert. The match defaults to the whole `url`."""

    kind: Literal["malsite"]
    url: Annotated[str, Field(min_length=1, description="as the record shows it, often without scheme")]
    threat_match_field: Literal["url", "domain", "ip"] = "url"
    threat_match_value: str | None = None
    severity_level: Literal["high", "med", "low"] = "high"
    severity: str = "unknown"
    category: tuple[str, ...] = ("Phish Site", "Malicious Site")
    stringify: Annotated[bool | None, Field(description="malsite_category as a string; null follows the switch")] = None


class OtherSeed(_Seed):
    """A record of any other kind: the common fields and what `extra` says."""

    kind: Literal[
        "compromisedcredential",
        "content",
        "ctep",
        "c2",
        "device",
        "dlp",
        "ips",
        "policy",
        "quarantine",
        "remediation",
        "securityassessment",
        "uba",
        "watchlist",
        "application",
        "audit",
        "connection",
        "endpoint",
        "incident",
        "infrastructure",
        "network",
        "page",
    ]


Seed = Annotated[MalwareSeed | MalsiteSeed | OtherSeed, Field(discriminator="kind")]
SEEDS: TypeAdapter[list[Seed]] = TypeAdapter(list[Seed])
