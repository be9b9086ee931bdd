"""Resources: what a person configures, in files and in `ioc.policy`."""

from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from schemas.record import UndecodableError
from schemas.resources.connection import Connection
from schemas.resources.guard import GUARD_DEFAULT, Guard
from schemas.resources.merging import Merging
from schemas.resources.reconciliation import Reconciliation
from schemas.resources.rule import RULE_ALL, Rule
from schemas.resources.sharing import Sharing
from schemas.resources.verdict import Verdict

__all__ = [
    "BUILT_IN", "KINDS", "RESOURCE", "AnyResource", "Connection", "Guard", "Merging", "Reconciliation", "Rule",
    "Sharing", "Verdict", "decode_resource", "encode_resource", "resource",
    "resource_key",
]  # fmt: skip

AnyResource = Connection | Rule | Sharing | Guard | Merging | Verdict | Reconciliation
KINDS: dict[str, type[AnyResource]] = {
    "Connection": Connection, "Rule": Rule, "Sharing": Sharing, "Guard": Guard, "Merging": Merging, "Verdict": Verdict,
    "Reconciliation": Reconciliation,
}  # fmt: skip
BUILT_IN: tuple[AnyResource, ...] = (RULE_ALL, GUARD_DEFAULT, Merging())
"""Built-in resources. A stored one of the same kind and name replaces it; deleting that restores it."""

RESOURCE: TypeAdapter[AnyResource] = TypeAdapter(Annotated[AnyResource, Field(discriminator="kind")])


def resource(kind: str, name: str, spec: object, **metadata: object) -> AnyResource:
    """A resource, validated like one in a file.

    Raises:
        ValidationError: it is invalid, or has an unknown field.

    """
    document = {"kind": kind, "metadata": {"name": name, **metadata}, "spec": spec}
    return RESOURCE.validate_python(document, extra="forbid")


def resource_key(resource: AnyResource) -> str:
    """The key of a resource in `ioc.policy`."""
    return f"{resource.kind.lower()}/{resource.name}"


def encode_resource(resource: AnyResource) -> bytes:
    """A resource's bytes on the wire."""
    return RESOURCE.dump_json(resource)


def decode_resource(raw: bytes) -> AnyResource:
    """Read a resource from the wire.

    Raises:
        UndecodableError: it is not a valid resource of a known kind.

    """
    try:
        return RESOURCE.validate_json(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "resource"
        raise UndecodableError(f"not a resource: {place}: {first['msg']}") from error
