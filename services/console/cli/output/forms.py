"""How `get` writes resources."""

from enum import StrEnum


class Form(StrEnum):
    """A form of output. What yaml and json write can be applied again."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"
    NAME = "name"
