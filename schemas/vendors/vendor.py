"""The registration of a vendor: all that shared code knows about it."""

from dataclasses import dataclass
from typing import get_args, get_type_hints

from pydantic import BaseModel

from schemas.connections import ConnectionSpec
from schemas.targets import SharingTarget, Target


@dataclass(frozen=True, slots=True)
class Service:
    """A process that works for a vendor's connections: `python -m services.<name>`."""

    name: str
    """The package in `services`. Several vendors may share one."""
    secret: str
    """The Kubernetes Secret with a file for each tenant secret. The services of one vendor share it."""
    memory_limit: str = "512Mi"
    """Memory limit of its container."""
    ports: tuple[int, ...] = ()
    """TCP ports that it serves, in addition to its metrics port."""

    @property
    def workload(self) -> str:
        """Its name in compose, Kubernetes and Kafka's access control."""
        return self.name.replace("_", "-")


@dataclass(frozen=True, slots=True)
class Vendor:
    """One kind of connection. Each `schemas.vendors.<name>` defines one as `VENDOR`."""

    name: str
    """The `type` of its connections."""
    title: str
    """The name shown to people."""
    spec: type[ConnectionSpec]
    """The settings of its connections; `type` is a `Literal` of the name."""
    targets: tuple[type[Target], ...] = ()
    """The models of its targets. Empty: its connections can only be sources."""
    sharing_targets: tuple[type[SharingTarget], ...] = ()
    """The models of the same kinds in sharings."""
    puller: Service | None = None
    """The service that reads its connections."""
    pusher: Service | None = None
    """The service that writes to its connections."""

    @property
    def target_kinds(self) -> tuple[str, ...]:
        """The kinds of targets its connections have."""
        return tuple(kind_of(target) for target in self.targets)


def kind_of(model: type[BaseModel] | type[SharingTarget], field: str = "kind") -> str:
    """Return the only value of the discriminating field of a model."""
    (kind,) = get_args(get_type_hints(model)[field])
    return str(kind)
