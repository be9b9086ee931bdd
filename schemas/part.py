"""The base model of everything that a person configures."""

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Part(BaseModel):
    """Base of resources and their parts: camelCase in files, frozen.

    Readers of Kafka ignore unknown fields: a newer writer may have added them. Readers of files validate with
    `extra="forbid"`, so that a misspelt field is an error with a place.
    """

    model_config = ConfigDict(
        extra="ignore", frozen=True, alias_generator=to_camel, validate_by_name=True, serialize_by_alias=True
    )
