"""All rules of one policy, compiled into one program (or a few, if they are long) that answers for all at once.

Invariant: a rule that fails for an indicator (a division by zero, say) does not match it, is named, and takes no other
rule with it. The first question goes to the whole program; only when it fails are rules asked one by one.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from schemas.expression import VARIABLES, ExpressionError, check, environment, variables_in
from schemas.indicator import Indicator
from schemas.request import Verdict
from schemas.resources import Rule
from schemas.resources.rule import Exemption

_TRUE = "true"
_PROGRAM_LENGTH: Final = 90_000
"""Characters of one program. The library takes 100,000."""


def expression(rule: Rule, now: int) -> str:
    """Everything that a rule says, as one expression. `now`: milliseconds since the epoch."""
    if is_muted(rule, now):
        return "false"
    parts = [rule.spec.match.strip(), *(f"!{_in_parentheses(_exempt(item))}" for item in rule.spec.exceptions)]
    return parts[0] if len(parts) == 1 else " && ".join(map(_in_parentheses, parts))


def _in_parentheses(text: str) -> str:
    """The closing one stands on a line of its own: a note to the end of the line must not swallow it."""
    return f"({text}\n)"


def is_muted(rule: Rule, now: int) -> bool:
    """Whether a rule matches nothing just now."""
    return rule.spec.mute is not None and not rule.spec.mute.is_over(datetime.fromtimestamp(now / 1000, UTC))


def _exempt(item: Exemption) -> str:
    if item.cel is not None:
        return item.cel
    return f"ioc.tags.exists(tag, tag in {json.dumps(item.tags, ensure_ascii=False)})"


class _Group(NamedTuple):
    """Rules that are asked at once. `program` None: they are too much for one, and are asked one by one."""

    names: Sequence[str]
    each: Sequence[Any]
    program: Any

    def ask(self, data: Mapping[str, object]) -> Iterable[tuple[str, bool | None]]:
        """The answers by name."""
        answers = None if self.program is None else _ask(self.program, data)
        if answers is None:
            answers = [_ask(one, data) for one in self.each]
        return zip(self.names, answers, strict=True)


class Predicates:
    """The rules of one policy version at one moment. A rule that cannot be compiled fails for every indicator."""

    def __init__(self, rules: Mapping[str, Rule], now: int) -> None:
        self._constant: dict[str, bool | None] = {}
        programs: dict[str, Any] = {}
        texts: dict[str, str] = {}
        for name, rule in rules.items():
            text = expression(rule, now)
            if text in (_TRUE, "false"):
                self._constant[name] = text == _TRUE
            elif _sound(rule) and (program := _compile(text)) is not None:
                texts[name], programs[name] = text, program
            else:
                self._constant[name] = None
        used = sorted({name for text in texts.values() for name in variables_in(text)})
        self._read = [(name, VARIABLES[name].read) for name in used]
        self._groups = [
            _Group(names, [programs[name] for name in names], _compile(_list_of(texts[name] for name in names)))
            for names in _grouped(texts)
        ]

    def __call__(self, indicator: Indicator) -> Mapping[str, bool | None]:
        """By rule: whether it matches the indicator; None where it fails."""
        if not self._groups:
            return self._constant
        data = {name: read(indicator) for name, read in self._read}
        answers = dict(self._constant)
        for group in self._groups:
            answers.update(group.ask(data))
        return answers


def _grouped(texts: Mapping[str, str]) -> Iterator[list[str]]:
    """The names of texts that fit into one program each."""
    names: list[str] = []
    size = 0
    for name, text in texts.items():
        if names and size + len(text) > _PROGRAM_LENGTH:
            yield names
            names, size = [], 0
        names.append(name)
        size += len(text) + len(_in_parentheses("")) + 2
    if names:
        yield names


def _list_of(texts: Iterable[str]) -> str:
    return f"[{', '.join(map(_in_parentheses, texts))}]"


def _compile(text: str) -> Any:  # noqa: ANN401  # the library's
    """The program; None where it is too deep or too long, as parts that are sound may be when put together."""
    try:
        return environment().compile(text)
    except RuntimeError:
        return None


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
            which = item.cel or f"one of the tags {', '.join(item.tags)}"
            return Verdict.EXCEPTED, f"{which} ({item.description})" if item.description else which
    return Verdict.WANTED, rule.spec.match
