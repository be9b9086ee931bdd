"""All rules of one policy, compiled into one program that answers for every rule at once.

Invariant: a rule that fails for an indicator (a division by zero, say) does not match it, is named, and takes no other
rule with it. The first question goes to the whole program; only when it fails are rules asked one by one.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from schemas.expression import VARIABLES, ExpressionError, check, environment
from schemas.indicator import Indicator
from schemas.request import Verdict
from schemas.resources import Rule

_USED = re.compile(r"\bioc\.\w+")
_TRUE = "true"


def expression(rule: Rule, now: int) -> str:
    """Everything that a rule says, as one expression. `now`: milliseconds since the epoch."""
    if is_muted(rule, now):
        return "false"
    parts = [rule.spec.match.strip(), *(f"!({_exempt(item.cel, item.tags)})" for item in rule.spec.exceptions)]
    return parts[0] if len(parts) == 1 else " && ".join(f"({part})" for part in parts)


def is_muted(rule: Rule, now: int) -> bool:
    """Whether a rule matches nothing just now."""
    return rule.spec.mute is not None and not rule.spec.mute.is_over(datetime.fromtimestamp(now / 1000, UTC))


def _exempt(cel: str | None, tags: Sequence[str]) -> str:
    if cel is not None:
        return cel
    return f"ioc.tags.exists(tag, tag in {_text_list(tags)})"


def _text_list(texts: Sequence[str]) -> str:
    quoted = (text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") for text in texts)
    return "[" + ", ".join(f'"{text}"' for text in quoted) + "]"


class Predicates:
    """The rules of one policy version at one moment. A rule that cannot be compiled fails for every indicator."""

    def __init__(self, rules: Mapping[str, Rule], now: int) -> None:
        self._constant: dict[str, bool | None] = {}
        texts: dict[str, str] = {}
        for name, rule in rules.items():
            text = expression(rule, now)
            if text in (_TRUE, "false"):
                self._constant[name] = text == _TRUE
            elif _sound(rule):
                texts[name] = text
            else:
                self._constant[name] = None
        self._names = tuple(texts)
        used = sorted({name for text in texts.values() for name in _USED.findall(text)} & VARIABLES.keys())
        self._read = [(name, VARIABLES[name].read) for name in used]
        env = environment()
        self._each = [env.compile(text) for text in texts.values()]
        self._all = env.compile(f"[{', '.join(f'({text})' for text in texts.values())}]") if texts else None

    def __call__(self, indicator: Indicator) -> Mapping[str, bool | None]:
        """By rule: whether it matches the indicator; None where it fails."""
        if self._all is None:
            return self._constant
        data = {name: read(indicator) for name, read in self._read}
        answers = _ask(self._all, data)
        if answers is None:
            answers = [_ask(one, data) for one in self._each]
        return {**self._constant, **dict(zip(self._names, answers, strict=True))}


def _ask(program: Any, data: Mapping[str, object]) -> Any:  # noqa: ANN401  # the library's
    """The plain answer; None where the program fails. The library tells of some failures by value, of some by error."""
    try:
        answer = program.eval(data=data).plain_value()
    except RuntimeError:
        return None
    return answer if isinstance(answer, bool | list) else None


def _sound(rule: Rule) -> bool:
    try:
        check(rule.spec.match)
        for item in rule.spec.exceptions:
            if item.cel is not None:
                check(item.cel)
    except ExpressionError:
        return False
    return True


def explain(rule: Rule, indicator: Indicator, now: int) -> tuple[Verdict, str]:
    """Why a rule does, or does not, match an indicator."""
    if is_muted(rule, now):
        until = rule.spec.mute.until if rule.spec.mute else None
        return Verdict.MUTED, f"until {until:%Y-%m-%d %H:%M %Z}" if until else "until it is unmuted"
    bare = rule.model_copy(update={"spec": rule.spec.model_copy(update={"exceptions": ()})})
    answer = Predicates({rule.name: bare}, now)(indicator)[rule.name]
    if answer is None:
        return Verdict.RULE_FAILED, f"{rule.spec.match} cannot be evaluated for it"
    if not answer:
        return Verdict.NOT_MATCHED, rule.spec.match
    for item in rule.spec.exceptions:
        alone = bare.model_copy(update={"spec": bare.spec.model_copy(update={"exceptions": (item,)})})
        excepted = Predicates({rule.name: alone}, now)(indicator)[rule.name]
        if excepted is None:
            return Verdict.RULE_FAILED, f"the exception {item.cel} cannot be evaluated for it"
        if not excepted:
            return Verdict.EXCEPTED, item.cel or f"one of the tags {', '.join(item.tags)}"
    return Verdict.WANTED, rule.spec.match
