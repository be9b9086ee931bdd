"""What a rule may say: CEL (Common Expression Language) over the fields of a merged indicator.

Invariant: what `check` accepts can be evaluated for any indicator in bounded time. CEL has no loops but those over
lists; these are not to be nested here, nor to make lists longer than those they go through, and the lists of an
indicator are bounded. Google's own runtime checks types, matches patterns in linear time (RE2), and gives a loop up
after ten thousand steps. There is no `now`: what a rule says of an indicator changes only when
the indicator or the rule does.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

from cel_expr_python import cel

from schemas.indicator import Indicator

MAX_LENGTH: Final = 4_000
"""Characters of one expression."""
MAX_TAGS: Final = 1_000
"""Tags, sources or hits in lists that an expression is shown; the first ones of more."""
NEVER: Final = datetime(9999, 12, 31, tzinfo=UTC)
"""What `ioc.expires_at` is for an indicator that never expires."""

_Type = cel.Type


@dataclass(frozen=True, slots=True)
class Variable:
    """A field of the indicator as rules see it."""

    type: Any
    meaning: str
    read: Callable[[Indicator], object]


def _moment(millis: int | None) -> datetime:
    if millis is None:
        return NEVER
    try:
        return datetime.fromtimestamp(millis / 1000, UTC)
    except (OverflowError, ValueError):
        return NEVER


VARIABLES: Final[dict[str, Variable]] = {
    "ioc.value": Variable(_Type.STRING, "the canonical value", lambda found: found.value),
    "ioc.type": Variable(_Type.STRING, "url, domain, ipv4, ipv6, md5, sha1 or sha256", lambda found: found.type.value),
    "ioc.family": Variable(_Type.STRING, "url or hash", lambda found: found.type.family.value),
    "ioc.severity": Variable(
        _Type.STRING, "unknown, informational, low, medium, high or critical", lambda found: found.severity.value
    ),
    "ioc.reputation": Variable(_Type.INT, "1 harmless to 10 certainly malicious", lambda found: found.reputation),
    "ioc.tags": Variable(_Type.List(_Type.STRING), "tags", lambda found: list(found.tags[:MAX_TAGS])),
    "ioc.sources": Variable(
        _Type.List(_Type.STRING),
        "names of the sources that vouch for it",
        lambda found: [name for name, state in found.sources.items() if state.withdrawn_at is None and not state.echo],
    ),
    "ioc.first_seen": Variable(_Type.TIMESTAMP, "when it was first seen", lambda found: _moment(found.first_seen)),
    "ioc.last_seen": Variable(_Type.TIMESTAMP, "when it was last seen", lambda found: _moment(found.last_seen)),
    "ioc.expires_at": Variable(
        _Type.TIMESTAMP, "when it expires; the end of the year 9999 if never", lambda found: _moment(found.expires_at)
    ),
    "ioc.comments": Variable(_Type.STRING, "comments", lambda found: found.comments),
    "ioc.hits": Variable(_Type.INT, "how often it was seen", lambda found: found.hits),
    "ioc.active": Variable(_Type.BOOL, "whether any source vouches for it now", lambda found: found.active),
}
"""Every variable. docs/reference/rules.md is made from this."""


class ExpressionError(ValueError):
    """An expression that is refused. `line` and `column` count from one; `str()` names them."""

    def __init__(self, line: int, column: int, why: str) -> None:
        super().__init__(line, column, why)
        self.line, self.column, self.why = line, column, why

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}: {self.why}"


@cache
def environment() -> Any:  # noqa: ANN401  # the library's Env
    """What expressions are compiled in."""
    return cel.NewEnv(variables={name: variable.type for name, variable in VARIABLES.items()})


def check(text: str) -> None:
    """Make sure that an expression is sound, says true or false, and is cheap.

    Raises:
        ExpressionError: it is not; says where and what to do.

    """
    if len(text) > MAX_LENGTH:
        raise ExpressionError(1, MAX_LENGTH + 1, f"is longer than {MAX_LENGTH} characters; make several rules of it")
    _refuse_costly_loops(text)
    try:
        compiled = environment().compile(text)
    except RuntimeError as error:
        raise _refusal(str(error)) from None
    if compiled.return_type() != _Type.BOOL:
        kind = compiled.return_type().name().lower()
        raise ExpressionError(1, 1, f"says {_article(kind)}, not true or false; compare it with something")
    _refuse_bad_patterns(text)


_SKIPPED = re.compile(
    r"""(?P<text>[bB]?(?:[rR](?:\"{3}[^\0]*?\"{3}|'{3}[^\0]*?'{3}|"[^"\n\r]*"|'[^'\n\r]*')"""
    r"""|\"{3}(?:\\.|[^\\])*?\"{3}|'{3}(?:\\.|[^\\])*?'{3}|"(?:\\.|[^"\\\n\r])*"|'(?:\\.|[^'\\\n\r])*'))"""
    r"""|(?P<note>//[^\n\r]*)""",
    re.DOTALL,
)
_FILLED = "\0"


def _bare(text: str) -> str:
    """The expression with NULs for its texts and blanks for its notes, so that what is left is code, in its place."""
    return _SKIPPED.sub(lambda found: (_FILLED if found["text"] else " ") * len(found[0]), text)


_CODE = re.compile(r"\.\s*(?P<loop>all|exists_one|exists|map|filter)\s*\(|(?P<open>\()|(?P<close>\))")


def _refuse_costly_loops(text: str) -> None:
    """A loop within a loop multiplies their lengths, which are not known here; `map` in a row doubles what it makes."""
    inside: list[bool] = []
    for token in _CODE.finditer(_bare(text)):
        if token["loop"] == "map":
            raise ExpressionError(
                *_place(text, token.start()), "map makes lists of any size; say it with exists, all or filter"
            )
        if token["loop"]:
            if any(inside):
                raise ExpressionError(
                    *_place(text, token.start()), f"{token['loop']} within another loop costs too much; leave one out"
                )
            inside.append(True)
        elif token["open"]:
            inside.append(False)
        elif token["close"] and inside:
            inside.pop()


_MATCHES = re.compile(rf"(?P<dot>\.\s*)?\bmatches\s*\((?:\s*(?P<text>{_FILLED}+)\s*\))?")


def _refuse_bad_patterns(text: str) -> None:
    """A pattern that RE2 does not take would be an error for each indicator; here it can be named."""
    for found in _MATCHES.finditer(_bare(text)):
        place = _place(text, found.start())
        if not found["dot"] or not found["text"]:
            why = "matches needs its pattern as a text in quotes, so that it can be checked: x.matches('…')"
            raise ExpressionError(*place, why)
        result = environment().compile(f"''.matches({text[found.start('text') : found.end('text')]})").eval(data={})
        if result.type() == _Type.ERROR:
            why = str(result.value()).partition(": ")[2].partition(" [")[0]
            raise ExpressionError(*place, f"the pattern is none of RE2: {why}")


def _place(text: str, at: int) -> tuple[int, int]:
    before = text[:at]
    return before.count("\n") + 1, at - (before.rfind("\n") + 1) + 1


_REFUSAL = re.compile(r"<input>:(\d+):(\d+): (.*?)(?:\n|$)")
_UNKNOWN = re.compile(r"undeclared reference to '([^']*)'")


def _refusal(said: str) -> ExpressionError:
    found = _REFUSAL.search(said)
    if found is None:
        return ExpressionError(1, 1, said.partition(" [")[0])
    why = found[3].partition(" (in container")[0].partition(" expecting {")[0]
    if unknown := _UNKNOWN.match(why):
        why = f"there is no {unknown[1]}; there is {', '.join(VARIABLES)}"
    elif "token recognition error at: '=" in why:
        why = "a single = means nothing here; write == to compare"
    return ExpressionError(int(found[1]), int(found[2]), why)


_VARIABLE = re.compile(r"\bioc\s*\.\s*(\w+)")


def variables_in(text: str) -> frozenset[str]:
    """The variables that an expression speaks of."""
    return frozenset(f"ioc.{name}" for name in _VARIABLE.findall(_bare(text))) & VARIABLES.keys()


def _article(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
