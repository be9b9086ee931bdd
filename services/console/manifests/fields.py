"""A resource as a list of fields or as a document, with the field names of files."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from pydantic import BaseModel

from schemas.resources import RESOURCE, AnyResource
from services.console.resources.store import Stored


class Field(NamedTuple):
    """A field without fields of its own. `value` is JSON data; `default`: it has its default value."""

    path: str
    value: object
    default: bool


def fields(resource: AnyResource) -> list[Field]:
    """The fields of a resource's spec, in the order of its model."""
    return list(_fields(resource.spec, resource.spec.model_dump(mode="json"), ""))


def given(part: BaseModel) -> list[Field]:
    """The fields of a part that differ from their defaults."""
    return [field for field in _fields(part, part.model_dump(mode="json"), "") if not field.default]


def _fields(part: BaseModel, dumped: dict[str, Any], prefix: str) -> Iterator[Field]:
    for name, info in type(part).model_fields.items():
        alias = info.alias or name
        value = getattr(part, name)
        if isinstance(value, BaseModel):
            yield from _fields(value, dumped[alias], f"{prefix}{alias}.")
        else:
            default = not info.is_required() and value == info.get_default(call_default_factory=True)
            yield Field(f"{prefix}{alias}", dumped[alias], default)


def as_document(stored: Stored) -> dict[str, Any]:
    """A resource in the form of a file, with its version. Applying it changes nothing."""
    resource = stored.resource
    document: dict[str, Any] = _without_nulls(RESOURCE.dump_python(resource, mode="json"))
    if stored.version is not None:
        document["metadata"]["resourceVersion"] = stored.version
    return {key: document[key] for key in ("apiVersion", "kind", "metadata", "spec")}


def _without_nulls(value: Any) -> Any:  # noqa: ANN401  # JSON
    """The value without null fields: where null is allowed, it is the default."""
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return value
