"""Canonical form of file hashes. The number of hexadecimal digits determines MD5, SHA-1 or SHA-256.

Also accepts the name of the algorithm in front (`sha256:…`, `SHA-1 = …`), and digits in equal groups (`d4:1d:…`,
`D4-1D-…`, `d41d 8cd9 …`), as certificates and programs print them. A GUID has unequal groups and is no hash.
"""

import re

from schemas._canonical_refusal import RefusalReason, Refused
from schemas.types import IndicatorType

_HASHES = {32: IndicatorType.MD5, 40: IndicatorType.SHA1, 64: IndicatorType.SHA256}
_HEX = re.compile(r"[0-9A-Fa-f]{16,}")  # shorter ones are words and numbers
_NAMED = re.compile(
    r"(md-?5|sha-?(?:1|2|3|224|256|384|512)(?:-?(?:224|256|384|512))?)(?:\s*[:=]\s*|\s+)(\S.*)",
    re.IGNORECASE,
)
_PAIRS = re.compile(r"[0-9A-Fa-f]{2}([:-])[0-9A-Fa-f]{2}(?:\1[0-9A-Fa-f]{2})*")
_BLANKS = re.compile(r"[0-9A-Fa-f]{2,16}(?: [0-9A-Fa-f]{2,16})+")
_ADVICE = "give an MD5 (32 hexadecimal digits), a SHA-1 (40) or a SHA-256 (64)"


def file_hash(text: str) -> tuple[IndicatorType, str] | None:
    """Return the hash in `text`, or None if it does not look like one. Raises `Refused`."""
    named = _NAMED.fullmatch(text)
    digits = _digits(text if named is None else named[2])
    if digits is None:
        return None
    kind = _HASHES.get(len(digits))
    if kind is None:
        raise Refused.because(RefusalReason.BAD_HASH, text, f"has {len(digits)} hexadecimal digits; {_ADVICE}")
    if named is not None and (name := named[1].lower().replace("-", "")) not in _names(kind):
        raise Refused.because(RefusalReason.BAD_HASH, text, f"is called {name} and has {len(digits)} digits; {_ADVICE}")
    return kind, digits.lower()


def _digits(text: str) -> str | None:
    if _HEX.fullmatch(text):
        return text
    if _PAIRS.fullmatch(text):
        joined = text.replace(text[2], "")
    elif _BLANKS.fullmatch(text) and len({len(group) for group in text.split(" ")}) == 1:
        joined = text.replace(" ", "")
    else:
        return None
    return joined if len(joined) in _HASHES else None


def _names(kind: IndicatorType) -> tuple[str, ...]:
    return (kind, "sha2", "sha2256") if kind is IndicatorType.SHA256 else (kind,)
