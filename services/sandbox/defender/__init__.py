"""A Microsoft Defender for Endpoint tenant to test against: token endpoints, indicators API, quotas, capacity, faults.

It refuses whatever the real API is documented or was seen to refuse. Where the vendor's behaviour is not known, a
switch decides, so that a client can be shown to work either way.
"""

from services.sandbox.defender.app import create_app
from services.sandbox.defender.settings import AppRegistration, DefenderTenant, MachineGroup
from services.sandbox.defender.switches import DefenderSwitches

__all__ = ["AppRegistration", "DefenderSwitches", "DefenderTenant", "MachineGroup", "create_app"]
