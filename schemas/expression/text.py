"""Reads the text of an expression: its code, loops, patterns and moments."""

import json
import re
from datetime import datetime
from typing import Final

from cel_expr_python import cel

from schemas.expression.errors import ExpressionError
from schemas.expression.variables import LATEST, NEVER, VARIABLES, environment

_SKIPPED = re.compile(
    r"""(?P<text>[bB]?(?:[rR](?:\"{3}[^\0]*?\"{3}|'{3}[^\0]*?'{3}|"[^"\n\r]*"|'[^'\n\r]*')"""
    r"""|\"{3}(?:\\.|[^\\])*?\"{3}|'{3}(?:\\.|[^\\])*?'{3}|"(?:\\.|[^"\\\n\r])*"|'(?:\\.|[^'\\\n\r])*'))"""
    r"""|(?P<note>//[^\n\r]*)""",
    re.DOTALL,
)
_FILLED = "\0"


def _bare(text: str) -> str:
    """The expression with NULs for its texts and blanks for its comments. Offsets stay the same."""
    return _SKIPPED.sub(lambda found: (_FILLED if found["text"] else " ") * len(found[0]), text)


_CODE = re.compile(r"\.\s*(?P<loop>all|exists_one|exists|map|filter)\s*\(|(?P<open>\()|(?P<close>\))")


def refuse_costly_loops(text: str) -> None:
    """Refuse nested loops, which multiply lengths, and `map`, which can double a list each time.

    Raises:
        ExpressionError: names the place and the remedy.

    """
    inside: list[bool] = []
    for token in _CODE.finditer(_bare(text)):
        if token["loop"] == "map":
            raise ExpressionError(
                *place(text, token.start()), "map makes lists of any size; say it with exists, all or filter"
            )
        if token["loop"]:
            if any(inside):
                raise ExpressionError(
                    *place(text, token.start()), f"{token['loop']} within another loop costs too much; leave one out"
                )
            inside.append(True)
        elif token["open"]:
            inside.append(False)
        elif token["close"] and inside:
            inside.pop()


_MATCHES = re.compile(rf"(?P<dot>\.\s*)?\bmatches\s*\((?:\s*(?P<text>{_FILLED}+)\s*\))?")


def refuse_bad_patterns(text: str) -> None:
    """Refuse patterns that RE2 cannot compile: they would fail for each indicator.

    Raises:
        ExpressionError: names the place and the remedy.

    """
    for found in _MATCHES.finditer(_bare(text)):
        if not found["dot"] or not found["text"]:
            why = "matches needs its pattern as a text in quotes, so that it can be checked: x.matches('…')"
            raise ExpressionError(*place(text, found.start()), why)
        result = constant(f"''.matches({text[found.start('text') : found.end('text')]})")
        if isinstance(result, ExpressionError):
            raise ExpressionError(*place(text, found.start()), f"the pattern is none of RE2: {result.why}")


def place(text: str, at: int) -> tuple[int, int]:
    """Line and column of an offset, both from one."""
    before = text[:at]
    return before.count("\n") + 1, at - (before.rfind("\n") + 1) + 1


_VARIABLE = re.compile(r"\bioc\s*\.\s*(\w+)")


def variables_in(text: str) -> frozenset[str]:
    """The variables that an expression uses."""
    return frozenset(f"ioc.{name}" for name in _VARIABLE.findall(_bare(text))) & VARIABLES.keys()


_FOREVER: Final = datetime(9999, 12, 31, tzinfo=NEVER.tzinfo)
_BEYOND: Final = LATEST + (NEVER - LATEST) / 2
_MOMENT = re.compile(rf"(?<![.\w])timestamp\s*\(\s*(?P<text>{_FILLED}+)\s*\)")


def bounded(moment: datetime) -> datetime:
    """A moment in an expression, limited so that it compares correctly with moments of indicators."""
    if moment <= NEVER:
        return moment
    return NEVER if moment >= _FOREVER else _BEYOND


def runnable(text: str) -> str:
    """The expression to evaluate: as written, but with moments limited by `bounded`."""
    parts, done = [], 0
    for found in _MOMENT.finditer(_bare(text)):
        start, end = found.span("text")
        moment = constant(f"timestamp({text[start:end]})")
        if isinstance(moment, datetime) and bounded(moment) != moment:
            parts += [text[done:start], f'"{bounded(moment).isoformat()}"']
            done = end
    return "".join([*parts, text[done:]])


def quoted(text: str) -> str:
    """A text as a literal of an expression."""
    return json.dumps(text, ensure_ascii=False)


def constant(text: str) -> object:
    """The value of an expression without variables; an `ExpressionError` without a place if it fails."""
    try:
        result = environment().compile(text).eval(data={})
        plain: object = result.plain_value()
    except RuntimeError as error:
        return ExpressionError(1, 1, str(error))
    if result.type() == cel.Type.ERROR:
        return ExpressionError(1, 1, str(result.value()).partition(": ")[2].partition(" [")[0])
    return plain
