"""One tenant: its id, the app registrations that may ask for tokens, its device groups and its switches."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field

from services.sandbox.defender.switches import DefenderSwitches

TI_ALL = "Ti.ReadWrite.All"
TI_OWN = "Ti.ReadWrite"
SCORE = "Score.Read.All"


class AppRegistration(BaseModel):
    """An app of the tenant's directory with its secret and the application permissions an admin consented to."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    app_id: str = "7b5f7b1e-2a44-4d0e-9a77-0c9d5a6f1e11"
    secret: str = "sandbox-secret"  # noqa: S105  # opens nothing but this sandbox
    display_name: str = "ioc-bridge"
    roles: tuple[str, ...] = (TI_ALL,)
    secret_expired: bool = False
    device_groups: tuple[str, ...] | None = None
    """Names of the device groups the app is exposed to; None = all."""


class MachineGroup(BaseModel):
    """An RBAC device group."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: int
    name: str


class DefenderTenant(BaseModel):
    """Settings of one sandbox tenant."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tenant_id: str = "c0ffee00-0000-4000-8000-000000000001"
    display_name: str = "Contoso"
    apps: Sequence[AppRegistration] = (AppRegistration(),)
    machine_groups: Sequence[MachineGroup] = ()
    portal_user: str = "analyst@contoso.example"
    """Who owns rows that are seeded without an owner."""
    switches: DefenderSwitches = Field(default_factory=DefenderSwitches)

    def app(self, app_id: str) -> AppRegistration | None:
        """The registration with this id, if the directory has one."""
        return next((app for app in self.apps if app.app_id.lower() == app_id.lower()), None)
