"""Resources: what a person configures, as it stands in files and in `ioc.policy`."""

from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from schemas.record import UndecodableError
from schemas.resources.connection import Connection
from schemas.resources.rule import Rule
from schemas.resources.sharing import Sharing

__all__ = [
    "KINDS", "RESOURCE", "AnyResource", "Connection", "Rule", "Sharing",
    "decode_resource", "encode_resource", "resource_key",
]  # fmt: skip

AnyResource = Connection | Rule | Sharing
KINDS: dict[str, type[AnyResource]] = {"Connection": Connection, "Rule": Rule, "Sharing": Sharing}

RESOURCE: TypeAdapter[AnyResource] = TypeAdapter(Annotated[AnyResource, Field(discriminator="kind")])


def resource_key(resource: AnyResource) -> str:
    """The key of a resource in `ioc.policy`."""
    return f"{resource.kind.lower()}/{resource.name}"


def encode_resource(resource: AnyResource) -> bytes:
    """A resource's bytes on the wire."""
    return RESOURCE.dump_json(resource)


def decode_resource(raw: bytes) -> AnyResource:
    """Read a resource from the wire.

    Raises:
        UndecodableError: not a resource of a known kind, or one whose fields cannot be trusted.

    """
    try:
        return RESOURCE.validate_json(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "resource"
        raise UndecodableError(f"not a resource: {place}: {first['msg']}") from error
