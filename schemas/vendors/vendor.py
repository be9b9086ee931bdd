"""What a registration says: the one thing that a new vendor adds to shared code's knowledge."""

from dataclasses import dataclass
from typing import get_args, get_type_hints

from pydantic import BaseModel

from schemas.connections import ConnectionSpec
from schemas.targets import SharingTarget, Target


@dataclass(frozen=True, slots=True)
class Service:
    """A process that works for a vendor's connections: `python -m services.<name>`."""

    name: str
    """The package below `services`. Several vendors may share one."""
    secret: str
    """The Kubernetes Secret with the secrets of its tenants, each a file; services of one vendor share one."""
    memory_limit: str = "512Mi"
    """Memory limit of its container."""
    ports: tuple[int, ...] = ()
    """TCP ports that others call it on, beside that of its metrics."""

    @property
    def workload(self) -> str:
        """Its name in compose, Kubernetes and Kafka's access control."""
        return self.name.replace("_", "-")


@dataclass(frozen=True, slots=True)
class Vendor:
    """One kind of connection. `VENDOR` of `schemas.vendors.<name>` is one; nothing else has to know it."""

    name: str
    """The `type` of its connections."""
    title: str
    """What people call it."""
    spec: type[ConnectionSpec]
    """The settings of its connections; `type` is a `Literal` of the name."""
    targets: tuple[type[Target], ...] = ()
    """The kinds of targets its connections have; none: they can only be sources."""
    sharing_targets: tuple[type[SharingTarget], ...] = ()
    """The same kinds, as people write them in sharings."""
    puller: Service | None = None
    """What reads its connections."""
    pusher: Service | None = None
    """What writes to its connections."""

    @property
    def target_kinds(self) -> tuple[str, ...]:
        """The kinds of targets its connections have."""
        return tuple(kind_of(target) for target in self.targets)


def kind_of(model: type[BaseModel] | type[SharingTarget], field: str = "kind") -> str:
    """The one value that the field which tells models apart may have."""
    (kind,) = get_args(get_type_hints(model)[field])
    return str(kind)
