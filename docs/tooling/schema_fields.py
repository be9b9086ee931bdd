"""A field of a JSON Schema in words, for a table: its type with links to its parts, its bounds, its default."""

from collections.abc import Mapping
from typing import Any

from schemas.moment import MILLIS

Schema = Mapping[str, Any]

_BOUNDS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {}",
    "maxItems": "at most {}",
    "pattern": "`{}`",
}


def type_and_bounds(field: Schema, root: Schema) -> tuple[str, str]:
    """Two cells. What `root` defines is a link to the heading of that name on the same page."""
    choices = [part for part in field.get("anyOf") or field.get("oneOf") or [field] if part.get("type") != "null"]
    types = [_type(part, root) for part in choices]
    bounds = [form.format(part[key]) for part in choices for key, form in _BOUNDS.items() if key in part]
    if any(part.get("title") == MILLIS for part in choices):
        bounds = [MILLIS]
    return " or ".join(dict.fromkeys(types)), ", ".join(dict.fromkeys(bounds))


def default(field: Schema) -> str:
    """What stands for an absent field."""
    value = field.get("default")
    if value is None or value in ([], ""):
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _type(part: Schema, root: Schema) -> str:
    if "$ref" in part:
        name = part["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})" if name in root.get("$defs", {}) else name
    if "const" in part:
        return f"`{part['const']}`"
    if "enum" in part:
        return ", ".join(f"`{member}`" for member in part["enum"])
    match part.get("type"):
        case "array":
            return f"list of {_type(part['items'], root)}"
        case "object":
            inner = part.get("additionalProperties")
            return f"{_type(inner, root)} by name" if isinstance(inner, dict) else "object"
        case "string":
            return "text"
        case kind:
            return str(kind)
