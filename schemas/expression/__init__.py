"""Expressions of rules: CEL (Common Expression Language) over the fields of a merged indicator.

Invariant: an expression that `check` accepts gives true or false for any indicator, in bounded time. `check` proves it
from the syntax tree (`proof`), and evaluates the expression for extreme indicators (`extremes`). Google's runtime
checks types and matches patterns in linear time (RE2). There is no `now`, so the answer for an indicator changes only
when the indicator or the rule changes.
"""

import re
from typing import Any, Final

from cel_expr_python import cel

from schemas.expression.errors import ExpressionError
from schemas.expression.extremes import failing
from schemas.expression.facts import Facts
from schemas.expression.proof import Proof, Steps, UnprovenError
from schemas.expression.text import place, refuse_bad_patterns, refuse_costly_loops, runnable, variables_in
from schemas.expression.tree import tree
from schemas.expression.variables import MAX_HITS, MAX_TAGS, NEVER, VARIABLES, Variable, environment

__all__ = [
    "MAX_HITS", "MAX_LENGTH", "MAX_STEPS", "MAX_TAGS", "NEVER", "VARIABLES", "ExpressionError", "Steps", "Variable",
    "check", "environment", "parse", "runnable", "steps", "variables_in",
]  # fmt: skip

MAX_LENGTH: Final = 4_000
"""Characters of one expression."""
MAX_STEPS: Final = 9_999
"""Most loop steps of one evaluation. The runtime stops at the next step."""


def check(text: str) -> None:
    """Check that an expression gives true or false for any indicator.

    Raises:
        ExpressionError: it may not; names the place and the remedy.

    """
    compiled = parse(text)
    try:
        found = _prove(compiled)
    except UnprovenError as error:
        example = failing(environment().compile(runnable(text)))
        shown = f" (it fails for {example})" if example else ""
        raise ExpressionError(*place(text, error.node.at), f"{error.why}{shown}") from None
    if (most := found.times * MAX_TAGS + found.more) > MAX_STEPS:
        why = (
            f"its loops go round {most:,} times for an indicator with {MAX_TAGS:,} tags, {MAX_STEPS:,} are possible; "
            'put them into one, ioc.tags.exists(tag, tag in ["a", "b"] || tag.startsWith("c")), or make several rules'
        )
        raise ExpressionError(1, 1, why)
    if example := failing(environment().compile(runnable(text))):
        raise ExpressionError(1, 1, f"cannot be evaluated for {example}; leave out what depends on it")


def parse(text: str) -> Any:  # noqa: ANN401  # the library's Expression
    """Compile an expression, and check its type, loops and patterns.

    Raises:
        ExpressionError: it is invalid, not boolean, or too costly; names the place and the remedy.

    """
    if len(text) > MAX_LENGTH:
        raise ExpressionError(1, MAX_LENGTH + 1, f"is longer than {MAX_LENGTH} characters; make several rules of it")
    if found := _NOT_TEXT.search(text):
        raise ExpressionError(*place(text, found.start()), "half of a character that is made of two; write it whole")
    refuse_costly_loops(text)
    try:
        compiled = environment().compile(text)
    except RuntimeError as error:
        raise _refusal(str(error)) from None
    if compiled.return_type() != cel.Type.BOOL:
        kind = compiled.return_type().name().lower()
        raise ExpressionError(1, 1, f"says {_article(kind)}, not true or false; compare it with something")
    refuse_bad_patterns(text)
    return compiled


def steps(compiled: Any) -> Steps | None:  # noqa: ANN401  # the library's Expression
    """Most loop steps of an expression; None if unknown."""
    try:
        return _prove(compiled)
    except UnprovenError:
        return None


def _prove(compiled: Any) -> Steps:  # noqa: ANN401  # the library's Expression
    proof = Proof()
    proof.of(tree(compiled), {}, Facts())
    return proof.steps


_NOT_TEXT = re.compile("[\ud800-\udfff]")
_REFUSAL = re.compile(r"<input>:(\d+):(\d+): (.*?)(?:\n|$)")
_UNKNOWN = re.compile(r"undeclared reference to '([^']*)'")


def _refusal(message: str) -> ExpressionError:
    found = _REFUSAL.search(message)
    if found is None:
        return ExpressionError(1, 1, message.partition(" [")[0])
    why = found[3].partition(" (in container")[0].partition(" expecting {")[0]
    if unknown := _UNKNOWN.match(why):
        why = f"there is no {unknown[1]}; there is {', '.join(VARIABLES)}"
    elif "token recognition error at: '=" in why:
        why = "a single = means nothing here; write == to compare"
    return ExpressionError(int(found[1]), int(found[2]), why)


def _article(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
