"""Texts for pydantic's errors that say what to do. They do not repeat values: one may be a misplaced secret."""

from collections.abc import Callable, Iterable
from difflib import get_close_matches

from pydantic_core import ErrorDetails

from schemas.resources.base import NAME_FORM, NAME_PATTERN
from services.console.manifests.shape import Node


def suggest(given: str, known: Iterable[str]) -> str:
    """A hint: the closest known name, or else all known names."""
    known = list(known)
    lower = {name.lower(): name for name in known}
    near = get_close_matches(given.lower(), lower, n=1)
    return f"did you mean {lower[near[0]]}?" if near else f"use {alternatives(known)}"


def alternatives(known: Iterable[str]) -> str:
    """Names as text: `a, b or c`."""
    *most, last = known
    return f"{', '.join(most)} or {last}" if most else last


def error_text(error: ErrorDetails, node: Node) -> str:
    """One sentence for an error at a field whose schema is `node`."""
    found = _TEXTS.get(error["type"])
    if found:
        return found(error, node)
    message = error["msg"].removeprefix("Value error, ")
    return message[:1].lower() + message[1:]


def _missing(_: ErrorDetails, node: Node) -> str:
    meaning = node.get("description")
    return f"is missing; add it ({meaning})" if meaning else "is missing; add it"


def _choice(error: ErrorDetails, node: Node) -> str:
    known = [str(choice) for choice in node.get("enum", [node.get("const")])]
    given = str(error["input"])
    suggestion = suggest(given, known)
    everything = f" (it is one of {', '.join(known)})" if suggestion.startswith("did") and len(known) > 1 else ""
    return f"{given[:40]} is not allowed here; {suggestion}{everything}"


def _text(error: ErrorDetails, _: Node) -> str:
    if isinstance(error["input"], list | dict | None):
        return "must be text"
    if isinstance(error["input"], bool):
        return f"must be text; put it in quotes (without quotes it means {str(error['input']).lower()})"
    return "must be text; put it in quotes"


def _pattern(error: ErrorDetails, node: Node) -> str:
    pattern = error.get("ctx", {}).get("pattern")
    if pattern == NAME_PATTERN:
        return f"is not a name: {NAME_FORM}"
    return f"has the wrong form: {node.get('description', '').rstrip('.')}; it must match {pattern}"


def _mapping(_: ErrorDetails, node: Node) -> str:
    fields = node.get("properties")
    return f"must be a mapping with the fields {', '.join(fields)}" if fields else "must be a mapping"


def _fixed(text: str) -> Callable[[ErrorDetails, Node], str]:
    return lambda _error, _node: text


def _limit(text: str, key: str) -> Callable[[ErrorDetails, Node], str]:
    return lambda error, _: text.format(error.get("ctx", {}).get(key))


_TEXTS: dict[str, Callable[[ErrorDetails, Node], str]] = {
    "missing": _missing,
    "literal_error": _choice,
    "enum": _choice,
    "string_type": _text,
    "string_pattern_mismatch": _pattern,
    "model_type": _mapping,
    "model_attributes_type": _mapping,
    "dict_type": _mapping,
    "list_type": _fixed("must be a list"),
    "tuple_type": _fixed("must be a list"),
    "bool_type": _fixed("must be true or false"),
    "bool_parsing": _fixed("must be true or false"),
    "int_type": _fixed("must be a whole number"),
    "int_parsing": _fixed("must be a whole number"),
    "int_from_float": _fixed("must be a whole number"),
    "url_type": _fixed("must be a URL, for example https://host.example"),
    "url_parsing": _fixed("must be a URL, for example https://host.example"),
    "url_scheme": _fixed("must be a URL that begins with http:// or https://"),
    "greater_than_equal": _limit("must be at least {}", "ge"),
    "less_than_equal": _limit("must be at most {}", "le"),
    "string_too_short": _limit("must have at least {} character", "min_length"),
    "string_too_long": _limit("must have at most {} characters", "max_length"),
    "recursion_loop": _fixed("refers to itself"),
}
