"""The form of everything a person configures: camelCase in files, frozen once read."""

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Part(BaseModel):
    """Base of resources and their parts: camelCase in files, frozen.

    Unknown fields are ignored on the bus, where a newer writer may have put them; whoever takes a file from a
    person validates with `extra="forbid"`, so that a misspelt field is an error with a place.
    """

    model_config = ConfigDict(
        extra="ignore", frozen=True, alias_generator=to_camel, validate_by_name=True, serialize_by_alias=True
    )
