"""The format and the text of a pushed body."""

import codecs
from enum import StrEnum

from services.console.ingest.raw_items import BadBodyError

_BOMS = [
    (codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
]  # fmt: skip
"""UTF-32 comes before UTF-16, because its mark begins with that of UTF-16."""
_CHARSETS = ("utf-8", "us-ascii", "utf-16", "utf-16le", "utf-16be", "iso-8859-1", "windows-1252")


class Format(StrEnum):
    """Content types of a push."""

    JSON = "application/json"
    NDJSON = "application/x-ndjson"
    CSV = "text/csv"


_FORMATS = {
    "text/json": Format.JSON, "application/ndjson": Format.NDJSON, "application/jsonl": Format.NDJSON,
    "application/x-jsonlines": Format.NDJSON, "application/json-lines": Format.NDJSON,
    "application/csv": Format.CSV, "text/tab-separated-values": Format.CSV,
    **{form.value: form for form in Format},
}  # fmt: skip


def format_of(content_type: str) -> tuple[Format, str]:
    """Format and charset of a Content-Type. Case is ignored, `+json` is JSON, the default charset is UTF-8.

    Raises:
        BadBodyError: the type is not JSON, NDJSON or CSV, or the charset is not supported.

    """
    media, *parameters = (part.strip().lower() for part in content_type.split(";"))
    form = Format.JSON if media.endswith("+json") else _FORMATS.get(media)
    if form is None:
        said = f"is {media[:80]!r}" if media else "is missing"
        raise BadBodyError(f"Content-Type: {said}; say one of {', '.join(Format)}")
    charset = next((value.strip("\"' ") for name, _, value in (part.partition("=") for part in parameters)
                    if name.strip() == "charset"), "utf-8")  # fmt: skip
    known = next((one for one in _CHARSETS if one.replace("-", "") == charset.replace("-", "").replace("_", "")), None)
    if known is None:
        raise BadBodyError(f"Content-Type: the charset {charset[:40]!r} is not read; say one of {', '.join(_CHARSETS)}")
    return form, known


def text_of(body: bytes, charset: str = "utf-8") -> str:
    """The text of a body. A byte order mark overrides `charset` and is removed.

    In UTF-8, an invalid byte becomes a character from U+DC80 to U+DCFF, so that only its item is refused.

    Raises:
        BadBodyError: the body is empty, or not text in its charset.

    """
    for mark, found in _BOMS:
        if body.startswith(mark):
            body, charset = (body[len(mark) :], found) if found == "utf-8" else (body, found)
            break
    if not body.strip():
        raise BadBodyError("the body is empty; it holds no item")
    if charset == "utf-8":
        return body.decode("utf-8", "surrogateescape")
    try:
        return body.decode(charset)
    except UnicodeDecodeError as error:
        raise BadBodyError(f"the body is not {charset} text from byte {error.start} on; send it as UTF-8") from error
