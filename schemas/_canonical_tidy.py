"""What surrounds or disguises a value in a report, and is no part of it: blanks, quotes, defanging.

Refanging is only for texts that are no indicator as they stand, so it can never change one that is. `ioc-fanger` says
what a mark of defanging means, and is shown nothing but the marks: given the whole text it would also turn the `-dot-`
of `v1-dot-app.appspot.com` into a dot.
"""

import re

from ioc_fanger import fang

_SPACES = "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)
_INVISIBLE = "\xad\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\ufeff" + "".join(
    map(chr, range(0x2060, 0x2070))
)
_EDGE = _SPACES + _INVISIBLE
_QUOTES = {'"': '"', "'": "'", "`": "`", "“": "”", "”": "”", "„": "“", "‘": "’", "«": "»", "<": ">"}

_MARK = re.compile(r" {0,3}[\[({](?:://|[.:@]|dot|punto|punkt|at)[\])}] {0,3}|\\[./]", re.IGNORECASE)
_SCHEME = re.compile(r"[a-z]{4,6}:/+", re.IGNORECASE)


def tidy(raw: str) -> str:
    """`raw` without blanks and invisible characters at its ends, and without quotes that enclose the whole of it."""
    text = raw.strip(_EDGE)
    while len(text) > 1 and _QUOTES.get(text[0]) == text[-1]:
        text = text[1:-1].strip(_EDGE)
    return text


def refang(text: str) -> str:
    """`text` with the marks of defanging undone (`hxxp`, `[.]`, `(dot)`, `[:]`, `[at]`, `\\.` …)."""
    text = _MARK.sub(lambda mark: fang(mark[0].lower()), text)
    scheme = _SCHEME.match(text)
    return text if scheme is None else fang(scheme[0].lower()) + text[scheme.end() :]
