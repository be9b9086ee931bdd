"""All rules of a policy, compiled into one program (or a few, if they are long) that evaluates them at once.

Invariant: a rule that fails for an indicator does not match it, is named, and does not affect other rules. `apply`
accepts no rule that can fail (`schemas.expression.check`), but an earlier version may have. The runtime limits the loop
steps of one evaluation. So all rules are evaluated together if their loops fit, else each rule alone, else each of its
expressions alone.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from schemas.expression import (
    MAX_STEPS,
    MAX_TAGS,
    VARIABLES,
    ExpressionError,
    Steps,
    environment,
    parse,
    runnable,
    steps,
    variables_in,
)
from schemas.indicator import Indicator
from schemas.moment import to_datetime
from schemas.request import Verdict
from schemas.resources import Rule

_PROGRAM_LENGTH: Final = 90_000
"""Characters of one program. The library takes 100,000."""


def is_muted(rule: Rule, now: int) -> bool:
    """Whether a rule is muted at `now`."""
    return rule.spec.mute is not None and not rule.spec.mute.is_over(to_datetime(now))


class _Program(NamedTuple):
    """A compiled program. Its loops take at most `times` × the longest list + `more` steps."""

    compiled: Any
    times: int
    more: int

    def ask(self, data: Mapping[str, object], longest: int) -> Any:  # noqa: ANN401  # true or false, or a list of such
        """The plain answer; None if it fails, or if its loops could exceed the runtime's limit."""
        return _ask(self.compiled, data) if self.times * longest + self.more <= MAX_STEPS else None


class _Expressions(NamedTuple):
    """The expressions of one rule: together as text and program, and each alone. `whole` None: too large together."""

    text: str
    whole: _Program | None
    parts: Sequence[_Program]

    def ask(self, data: Mapping[str, object], longest: int) -> bool | None:
        """Whether the first is true and all others are false; None if that depends on one that fails."""
        if self.whole and (answer := self.whole.ask(data, longest)) is not None:
            return bool(answer)
        match, *exceptions = (_ask(part.compiled, data) for part in self.parts)
        if match is False or True in exceptions:
            return False
        return None if match is None or None in exceptions else True


class _Group(NamedTuple):
    """Rules that are evaluated together. `program` None: they are too large for one."""

    names: Sequence[str]
    each: Sequence[_Expressions]
    program: _Program | None

    def ask(self, data: Mapping[str, object], longest: int) -> Iterable[tuple[str, bool | None]]:
        """The answers by name."""
        answers = self.program.ask(data, longest) if self.program else None
        if answers is None:
            answers = [one.ask(data, longest) for one in self.each]
        return zip(self.names, answers, strict=True)


class Predicates:
    """The rules of one policy version at one moment. A rule that cannot be compiled fails for every indicator."""

    def __init__(self, rules: Mapping[str, Rule], now: int) -> None:
        self._constant: dict[str, bool | None] = {}
        self._excepted: list[tuple[str, frozenset[str]]] = []
        asked: dict[str, _Expressions] = {}
        for name, rule in rules.items():
            if is_muted(rule, now):
                self._constant[name] = False
                continue
            if tags := tags_excepted(rule):
                self._excepted.append((name, tags))
            texts = [rule.spec.match, *(item.cel for item in rule.spec.exceptions if item.cel is not None)]
            if [text.strip() for text in texts] in (["true"], ["false"]):
                self._constant[name] = texts[0].strip() == "true"
            elif expressions := _expressions(texts):
                asked[name] = expressions
            else:
                self._constant[name] = None
        used = sorted({name for found in asked.values() for name in variables_in(found.text)})
        self._read = [(name, VARIABLES[name].read) for name in used]
        self._groups = list(_groups(asked))

    def __call__(self, indicator: Indicator) -> Mapping[str, bool | None]:
        """By rule: whether it matches the indicator; None if it fails."""
        answers = self._constant
        if self._groups:
            data = {name: read(indicator) for name, read in self._read}
            longest = max(len(indicator.tags), len(indicator.sources))
            answers = dict(answers)
            for group in self._groups:
                answers.update(group.ask(data, min(MAX_TAGS, longest)))
        if self._excepted and indicator.tags:
            without = {name: False for name, tags in self._excepted if not tags.isdisjoint(indicator.tags)}
            return {**answers, **without}
        return answers


def tags_excepted(rule: Rule) -> frozenset[str]:
    """The tags that exempt an indicator from a rule. All its tags count, not only those that expressions see."""
    return frozenset(tag for item in rule.spec.exceptions if item.cel is None for tag in item.tags)


def _groups(asked: Mapping[str, _Expressions]) -> Iterator[_Group]:
    for names in _grouped({name: found.text for name, found in asked.items()}):
        each = [asked[name] for name in names]
        wholes = [found.whole for found in each]
        program = None
        if all(wholes) and (compiled := _compile(f"[{', '.join(_in_parentheses(found.text) for found in each)}]")):
            known = [whole for whole in wholes if whole]
            program = _Program(compiled, sum(one.times for one in known), sum(one.more for one in known))
        yield _Group(names, each, program)


def _expressions(texts: Sequence[str]) -> _Expressions | None:
    """Compiled expressions of a rule, the match first and then its exceptions; None if one is invalid."""
    try:
        for text in texts:
            parse(text)
    except ExpressionError:
        return None
    texts = [runnable(text.strip()) for text in texts]
    parts = [_Program(compiled, *_steps(compiled)) for text in texts if (compiled := _compile(text))]
    if len(parts) < len(texts):
        return None
    if len(texts) == 1:
        return _Expressions(texts[0], parts[0], parts)
    text = " && ".join([_in_parentheses(texts[0]), *(f"!{_in_parentheses(other)}" for other in texts[1:])])
    compiled = _compile(text)
    total = sum(part.times for part in parts), sum(part.more for part in parts)
    return _Expressions(text, _Program(compiled, *total) if compiled else None, parts)


def _steps(compiled: Any) -> tuple[int, int]:  # noqa: ANN401  # the library's
    found = steps(compiled) or Steps()  # unproven, so `apply` would refuse it now; the runtime limits it
    return found.times, found.more


def _in_parentheses(text: str) -> str:
    """The text in parentheses. The closing one is on its own line, so that a trailing comment cannot hide it."""
    return f"({text}\n)"


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


def _compile(text: str) -> Any:  # noqa: ANN401  # the library's
    """The program; None if it is too deep or too long, as valid parts may be when combined."""
    try:
        return environment().compile(text)
    except RuntimeError:
        return None


def _ask(program: Any, data: Mapping[str, object]) -> Any:  # noqa: ANN401  # the library's
    """The plain answer; None if the program fails. The library reports some failures as values, some as errors."""
    try:
        answer = program.eval(data=data).plain_value()
    except RuntimeError:
        return None
    return answer if isinstance(answer, bool | list) else None


def explain(rule: Rule, indicator: Indicator, now: int) -> tuple[Verdict, str]:
    """Why a rule matches an indicator or not."""
    if is_muted(rule, now):
        until = rule.spec.mute.until if rule.spec.mute else None
        return Verdict.MUTED, f"until {until:%Y-%m-%d %H:%M %Z}" if until else "until it is unmuted"
    answer = _answer(rule.spec.match, indicator)
    if answer is False:
        return Verdict.NOT_MATCHED, rule.spec.match
    if answer is None:
        return Verdict.RULE_FAILED, f"{rule.spec.match} {_fails(rule)}"
    failed = None
    for item in rule.spec.exceptions:
        excepted = not set(item.tags).isdisjoint(indicator.tags) if item.cel is None else _answer(item.cel, indicator)
        if excepted:
            which = item.cel or f"one of the tags {', '.join(item.tags)}"
            return Verdict.EXCEPTED, f"{which} ({item.description})" if item.description else which
        if excepted is None:
            failed = failed or item.cel
    if failed:
        return Verdict.RULE_FAILED, f"the exception {failed} {_fails(rule)}"
    return Verdict.WANTED, rule.spec.match


def _fails(rule: Rule) -> str:
    return f"cannot be evaluated for it; `ioc-bridge describe rule {rule.name}` says what to write instead"


def _answer(text: str, indicator: Indicator) -> bool | None:
    rule = Rule.model_validate({"metadata": {"name": "rule"}, "spec": {"match": text}})
    return Predicates({"rule": rule}, 0)(indicator)["rule"]
