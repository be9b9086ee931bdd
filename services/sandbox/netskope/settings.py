"""How a stand-in tenant is made: its tokens, limits and first switches.

Invariant: settings never change; what may change while it runs is state or a switch.
"""

from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from services.sandbox.netskope.auth import Token, full_access
from services.sandbox.netskope.switches import NetskopeSwitches
from services.sandbox.tenant.quota import Limit

MIB = 1024 * 1024
SANDBOX_TOKEN = "sandbox-v2-token"  # noqa: S105  # opens nothing but this sandbox
SANDBOX_V1_TOKEN = "sandbox-v1-token"  # noqa: S105  # opens nothing but this sandbox


class ProfileLimits(BaseModel):
    """How much destination profiles hold, and take in one operation on values (vendor-written connectors)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    exact_values: Annotated[int, Field(ge=1, description="values of one exact profile")] = 100_000
    exact_total: Annotated[int, Field(ge=1, description="values of all exact profiles")] = 300_000
    regex_total: Annotated[int, Field(ge=1, description="values of all regex profiles")] = 1_000
    values_per_call: Annotated[int, Field(ge=1, description="values of one append or remove")] = 10


class ListLimits(BaseModel):
    """How many entries URL lists hold together. Connectors hold to these; what the vendor refuses is unconfirmed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    exact_total: Annotated[int, Field(ge=1, description="entries of all exact lists")] = 300_000
    regex_total: Annotated[int, Field(ge=1, description="entries of all regex lists")] = 1_000


class NetskopeTenant(BaseModel):
    """One tenant. Sizes are bytes of the request body, or of the list where noted."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(description="makes the fabricated ids its own")] = "sandbox"
    tokens: Annotated[tuple[Token, ...], Field(description="v2 tokens; none fits when empty")] = (
        full_access(SANDBOX_TOKEN),
    )
    v1_token: Annotated[SecretStr | None, Field(description="null: no v1 call succeeds")] = SecretStr(SANDBOX_V1_TOKEN)
    allowed_clients: Annotated[
        frozenset[str] | None, Field(description="addresses that may call (IP allowlisting); null allows all")
    ] = None
    page_size: Annotated[int, Field(ge=1, le=10_000, description="records of an iterator page")] = 10_000
    url_list_bytes: Annotated[int, Field(ge=1, description="request body and resulting list")] = 7 * MIB
    hash_list_bytes: Annotated[int, Field(ge=1, description="the hashes as one text")] = 8 * MIB
    profile_bytes: Annotated[
        int, Field(ge=1, description="request body; 10 MB are documented, connectors were refused above 9")
    ] = 9 * MIB
    profile_limits: ProfileLimits = ProfileLimits()
    list_limits: ListLimits = ListLimits()
    iterator_rate: Annotated[Sequence[Limit], Field(description="per iterator endpoint")] = (Limit(4, 1.0),)
    v1_rate: Annotated[Sequence[Limit], Field(description="for all v1 calls together")] = (Limit(24, 5.0),)
    policy_rate: Annotated[
        Sequence[Limit], Field(description="for all other v2 calls together; the vendor's number is unconfirmed")
    ] = (Limit(24, 5.0),)
    switches: NetskopeSwitches = NetskopeSwitches()
