"""The variables of expressions: the fields of an indicator, with bounds.

Invariant: `read` gives a value that the CEL runtime accepts, within the bounds below, for any indicator. The proof
(`schemas/expression/proof.py`) relies on these bounds.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

from cel_expr_python import cel

from schemas.indicator import Indicator
from schemas.moment import from_datetime, to_datetime

MAX_TAGS: Final = 1_000
"""Most tags or sources that an expression sees: the first ones."""
MAX_HITS: Final = 2**31 - 1
"""The largest `ioc.hits` that an expression sees."""
EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
NEVER: Final = datetime(2261, 12, 31, 23, 59, 59, tzinfo=UTC)
"""`ioc.expires_at` of an indicator that never expires.

The runtime computes differences of moments as 64-bit nanoseconds, so two moments must be less than 292 years apart.
"""
LATEST: Final = datetime(2261, 12, 31, 23, 59, 58, tzinfo=UTC)
"""The latest moment except `NEVER`. Expressions see later moments as this one."""

_LATEST_MS: Final = from_datetime(LATEST)
_Type = cel.Type


@dataclass(frozen=True, slots=True)
class Variable:
    """A field of the indicator in expressions. `low` and `high` bound a number."""

    type: Any
    meaning: str
    read: Callable[[Indicator], object]
    low: int = 0
    high: int = 0


def _moment(millis: int | None) -> datetime:
    if millis is None:
        return NEVER
    return to_datetime(min(millis, _LATEST_MS))


def _text(text: str) -> str:
    """The runtime cuts a text off at a NUL and refuses a lone surrogate; both are replaced."""
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _texts(texts: Iterable[str]) -> list[str]:
    return [_text(text) for text in texts]


def _sources(found: Indicator) -> list[str]:
    states = found.sources.items()
    return _texts([name for name, state in states if state.withdrawn_at is None and not state.echo][:MAX_TAGS])


VARIABLES: Final[dict[str, Variable]] = {
    "ioc.value": Variable(_Type.STRING, "the canonical value", lambda found: _text(found.value)),
    "ioc.type": Variable(_Type.STRING, "url, domain, ipv4, ipv6, md5, sha1 or sha256", lambda found: found.type.value),
    "ioc.family": Variable(_Type.STRING, "url or hash", lambda found: found.type.family.value),
    "ioc.severity": Variable(
        _Type.STRING, "unknown, informational, low, medium, high or critical", lambda found: found.severity.value
    ),
    "ioc.reputation": Variable(
        _Type.INT, "1 harmless to 10 certainly malicious", lambda found: min(max(found.reputation, 1), 10), 1, 10
    ),
    "ioc.tags": Variable(
        _Type.List(_Type.STRING), f"tags; the first {MAX_TAGS:,} of more", lambda found: _texts(found.tags[:MAX_TAGS])
    ),
    "ioc.sources": Variable(_Type.List(_Type.STRING), "names of the sources that vouch for it", _sources),
    "ioc.first_seen": Variable(_Type.TIMESTAMP, "when it was first seen", lambda found: _moment(found.first_seen)),
    "ioc.last_seen": Variable(_Type.TIMESTAMP, "when it was last seen", lambda found: _moment(found.last_seen)),
    "ioc.expires_at": Variable(
        _Type.TIMESTAMP,
        f"when it expires; {NEVER:%Y-%m-%dT%H:%M:%SZ} if never, which is later than any other",
        lambda found: _moment(found.expires_at),
    ),
    "ioc.comments": Variable(_Type.STRING, "comments", lambda found: _text(found.comments)),
    "ioc.hits": Variable(
        _Type.INT,
        f"how often it was seen, at most {MAX_HITS:,}",
        lambda found: min(max(found.hits, 0), MAX_HITS),
        0,
        MAX_HITS,
    ),
    "ioc.active": Variable(_Type.BOOL, "whether any source asserts it now", lambda found: found.active),
}
"""Every variable. docs/reference/rules.md is made from this."""


@cache
def environment() -> Any:  # noqa: ANN401  # the library's Env
    """The environment that expressions are compiled in."""
    return cel.NewEnv(variables={name: variable.type for name, variable in VARIABLES.items()})
