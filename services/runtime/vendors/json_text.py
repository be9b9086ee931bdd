"""JSON as vendors write it: whatever Python's `json` reads, and what is wrong inside a text, made harmless.

NaN and infinities, integers of any length, a byte-order mark, UTF-16, raw control characters and a name given twice
(the last one counts) are read. Bytes that are not text and lone surrogates become U+FFFD: nothing read here can make a
record that cannot be written.
"""

import json
import re
from typing import Final

import orjson

_LONE: Final = re.compile("[\ud800-\udfff]")


def read_json(content: bytes) -> object:
    """Parse a body.

    Raises:
        ValueError: it is not JSON, or nested too deeply.

    """
    text = content.decode(json.detect_encoding(content), "replace").removeprefix("\ufeff")
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        pass  # it is strict; what it refuses is rare, and worth a slower look
    try:
        return _harmless(json.loads(text, parse_int=_integer, strict=False))
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


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
