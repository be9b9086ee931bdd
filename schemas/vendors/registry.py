"""All vendors by name, and what is derived from them: unions of models, services, kinds of targets."""

from collections.abc import Iterable
from functools import reduce
from importlib import import_module
from operator import or_
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from schemas.connections import ConnectionSpec
from schemas.targets import SharingTarget, Target
from schemas.vendors.vendor import Service, Vendor

NAMES = ("defender", "netskope", "api")
"""The vendor modules in this package. A new vendor adds its name here: the only change in shared code."""


class UnknownVendorError(LookupError):
    """A record or configuration names a vendor that is not registered."""


def load(names: Iterable[str]) -> dict[str, Vendor]:
    """Load the registrations of these modules, by the type of their connections.

    Raises:
        ValueError: a module registers a name other than its own, or a target kind that another vendor registered.

    """
    found: dict[str, Vendor] = {}
    kinds: dict[str, str] = {}
    for name in names:
        vendor: Vendor = import_module(f"schemas.vendors.{name}").VENDOR
        if vendor.name != name or vendor.name in found:
            raise ValueError(f"schemas.vendors.{name} registers {vendor.name!r}; a vendor is named after its module")
        if bool(vendor.targets) != bool(vendor.pusher):
            raise ValueError(f"vendor {name} needs a pusher and targets, or neither")
        for kind in vendor.target_kinds:
            if (other := kinds.setdefault(kind, name)) != name:
                raise ValueError(f"vendors {other} and {name} both register the target {kind}; rename one")
        found[name] = vendor
    return found


VENDORS = load(NAMES)


def vendor_of(type_: str) -> Vendor:
    """Return the registration for a type of connection.

    Raises:
        UnknownVendorError: no vendor is registered for it.

    """
    if type_ not in VENDORS:
        raise UnknownVendorError(f"no vendor is registered for connections of type {type_!r}; known: {sorted(VENDORS)}")
    return VENDORS[type_]


TARGETS: dict[str, type[Target]] = {
    kind: target
    for vendor in VENDORS.values()
    for kind, target in zip(vendor.target_kinds, vendor.targets, strict=True)
}
"""The model of each kind of target."""


def _services(found: Iterable[Service | None]) -> tuple[Service, ...]:
    by_name = {service.name: service for service in found if service}
    return tuple(by_name.values())


PULLERS = _services(vendor.puller for vendor in VENDORS.values())
"""The services that read vendors."""
PUSHERS = _services(vendor.pusher for vendor in VENDORS.values())
"""The services that write to vendors."""

if TYPE_CHECKING:
    AnyConnectionSpec = ConnectionSpec
    AnyTarget = Target
    AnySharingTarget = SharingTarget
else:  # pydantic reads the members at run time, and names the known tags when it refuses one
    AnyConnectionSpec = reduce(or_, [vendor.spec for vendor in VENDORS.values()])
    AnyTarget = Annotated[reduce(or_, TARGETS.values()), Field(discriminator="kind")]
    AnySharingTarget = Annotated[
        reduce(or_, [target for vendor in VENDORS.values() for target in vendor.sharing_targets]),
        Field(discriminator="kind"),
    ]
