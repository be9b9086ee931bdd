"""The formats of output."""

from enum import StrEnum


class Form(StrEnum):
    """A format of output. `get` writes resources as yaml and json that can be applied again."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"
    NAME = "name"
