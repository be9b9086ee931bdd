"""JSON as vendors write it: all that Python's `json` reads, with invalid characters replaced.

Accepts NaN and infinities, integers of any length, a byte-order mark, UTF-16, raw control characters and repeated names
(the last one counts). Undecodable bytes and lone surrogates become U+FFFD, so that every value can be written again.
"""

import json
import re
from typing import Final

import orjson

_LONE: Final = re.compile("[\ud800-\udfff]")


def read_json(content: bytes) -> object:
    """Parse a body.

    Raises:
        ValueError: the body is not JSON, or nested too deeply.

    """
    text = content.decode(json.detect_encoding(content), "replace").removeprefix("\ufeff")
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        pass  # orjson is strict; the tolerant, slower parser is rarely needed
    try:
        return _harmless(json.loads(text, parse_int=_integer, strict=False))
    except RecursionError as error:
        raise ValueError("the body is nested too deeply") from error


def _integer(digits: str) -> int | float:
    try:
        return int(digits)
    except ValueError:  # more digits than Python converts
        return float(digits)


def _harmless(value: object) -> object:
    if isinstance(value, str):
        return value if value.isascii() else _LONE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_harmless(part) for part in value]
    if isinstance(value, dict):
        return {_harmless(name): _harmless(part) for name, part in value.items()}
    return value
