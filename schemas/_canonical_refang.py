"""Refanging: undoes the disguise of values in reports, such as `evil[.]example`.

Only texts that are no indicator are refanged, so a valid indicator never changes. `ioc-fanger` translates single words
for a dot or an at sign: given the whole text, it would also turn the `-dot-` of `v1-dot-app.appspot.com` into a dot.
"""

import re

from ioc_fanger import fang

from schemas._canonical_tidy import INVISIBLE, SPACES, without_quotes

_PLAIN = {
    **dict.fromkeys(map(ord, SPACES), " "),
    **dict.fromkeys(map(ord, INVISIBLE)),
    **{0xFEE0 + code: chr(code) for code in range(0x21, 0x7F)},  # full-width forms
    **dict.fromkeys(map(ord, "。｡․﹒"), "."),
    ord("﹕"): ":",
}
_OPEN, _CLOSE = r"[\[({<]", r"[\])}>]"
_WORDS = "dot|punto|punkt|at|arroba"
_ESCAPED = re.compile(r"[\\^]{1,4}([\[\](){}<>.:/])")
_MARK = re.compile(
    rf" {{0,3}}{_OPEN}{{1,3}} {{0,3}}([.,:/@_-]{{1,3}}|{_WORDS}) {{0,3}}{_CLOSE}{{1,3}} {{0,3}}", re.IGNORECASE
)
_SPACED = re.compile(rf"(?<=\S) {{1,3}}({_WORDS}) {{1,3}}(?=\S)", re.IGNORECASE)
_GLUED = re.compile(r"(?<=[a-z0-9])DOT(?=[a-z0-9])")
_SCHEME = re.compile(
    rf"{_OPEN}{{0,3}} ?([a-z][^\s:/\\\[\](){{}}<>]{{1,4}}?){_OPEN}?(s?){_CLOSE}{{0,3}} {{0,3}}{_OPEN}{{0,3}}"
    rf"(?::{_CLOSE}{{0,3}} {{0,3}}{_OPEN}{{0,3}}/+|:?//+){_CLOSE}{{0,3}} {{0,3}}",
    re.IGNORECASE,
)
_SCHEMES = [
    (re.compile(r"https?|ftp|wss?"), r"\g<0>"),
    (re.compile(r"h..p(s?)|x{4}(s?)|meow(s?)"), "http"),
    (re.compile(r"x{5}"), "https"),
    (re.compile(r"f.p"), "ftp"),
]
_HALF_WORD = re.compile(
    rf"{_OPEN}{{1,3}} ?(?:dot|punto|punkt) ?{_CLOSE}{{0,3}}|(?:dot|punto|punkt) ?{_CLOSE}{{1,3}}", re.IGNORECASE
)
_HALF_MARK = re.compile(
    rf"{_OPEN}{{1,3}}(?=[.:@])|(?<=[.:@]){_CLOSE}{{1,3}}|(?<=\.){_OPEN}{{1,3}}|{_CLOSE}{{1,3}}(?=[.:])"
)
_LITERAL = re.compile(r"\[[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*\](?::\d*)?")
_CHARACTER_CLASS = re.compile(r"\[\^?\w-\w")
_AUTHORITY = re.compile(r"[^/?#]*")


def refang(text: str) -> str:
    """Undo the defanging of `text`: marks (`[.]`, `(dot)`, `<:>`, `[/]` …), halves of marks in the host, the scheme.

    Raises nothing. The result may still be no indicator.
    """
    text = _ESCAPED.sub(r"\1", text.translate(_PLAIN))
    text = _MARK.sub(_meaning, text)
    text = _SPACED.sub(_meaning, text)
    if "." not in text:
        text = _GLUED.sub(".", text)
    scheme = _SCHEME.match(text)
    if scheme is None or not (name := _name(f"{scheme[1]}{scheme[2]}".lower())):
        return _host(text)
    return f"{name}://{_host(text[scheme.end() :])}"


def _meaning(mark: re.Match[str]) -> str:
    inner = mark[1].lower()
    return str(fang(f"[{inner}]")) if inner.isalpha() else inner.replace(",", ".")


def _name(scheme: str) -> str:
    """Return the scheme that `scheme` stands for; empty if it is not a known disguise."""
    for pattern, name in _SCHEMES:
        if found := pattern.fullmatch(scheme):
            return found.expand(name) + "".join(one or "" for one in found.groups())
    return ""


def _host(rest: str) -> str:
    """Remove from the host of `rest` what no host contains. The path stays, since it may contain brackets.

    A regular expression keeps its brackets, so that it is refused and not read as a host.
    """
    found = _AUTHORITY.match(rest)
    host = "" if found is None else found[0]
    if _LITERAL.fullmatch(host) or _CHARACTER_CLASS.search(host):
        return rest
    clean = without_quotes(_HALF_MARK.sub("", _HALF_WORD.sub(".", host)))
    return clean + rest[len(host) :]
