"""What the guards of a connection keep back. The router asks this for every indicator, `test-guard` for a value.

Invariant: guards add up, and each looks at the indicator alone: never at the time, never at other indicators. So the
answer changes only when the indicator or a guard does. An expression that fails keeps the indicator back.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.metadata import version
from typing import Final

from schemas.guard_entries import EntryError, read_suffix
from schemas.indicator import Indicator
from schemas.predicates import Predicates
from schemas.public_suffixes import is_public_suffix, suffix_below
from schemas.record import Reason
from schemas.resources import Guard, Rule
from schemas.resources.base import Metadata
from schemas.resources.rule import RuleSpec
from services.guards.allow_list import AllowListIndex
from services.guards.observable import Observable
from services.guards.reserved_ranges import special
from services.guards.warning_list_index import warning_list_index

SPECIAL_ADDRESS: Final = "guard_special_address"
PUBLIC_SUFFIX: Final = "guard_public_suffix"
WARNING_LIST: Final = "guard_warning_list"
ALLOW_LIST: Final = "guard_allow_list"
GUARD_FAILED: Final = "guard_failed"


@dataclass(slots=True)
class Match:
    """One reason to keep an indicator back: the guard, the field that says so (with the entry's number), and why.

    `entry` is the entry as it is written, where the field is a list.
    """

    guard: str
    code: str
    path: tuple[str | int, ...]
    why: str
    entry: str = ""

    @property
    def reason(self) -> Reason:
        """The reason as records have it."""
        return Reason(code=self.code, detail=f"guard {self.guard}: {self.why}")


class GuardSet:
    """The guards of one connection. The reason it gives is that of the first guard, in the order given, that has one
    of the first kind: a special address, a public suffix, a warning list, an allow list, an expression.

    `warning_lists` and `allow_lists` are those of the guards, in their order.
    """

    def __init__(self, guards: Sequence[Guard]) -> None:
        self._special = [guard.name for guard in guards if guard.spec.special_addresses]
        self._suffixes = [guard.name for guard in guards if guard.spec.public_suffixes]
        self._shared_suffixes = frozenset(_suffixes(guards))
        self.warning_lists = [
            (guard, warning_list_index(guard.spec.warning_lists)) for guard in guards if guard.spec.warning_lists
        ]
        self.allow_lists = [(guard.name, AllowListIndex(guard.spec.allow)) for guard in guards]
        self._allowed = [(guard, index) for guard, index in self.allow_lists if index.entries]
        self._said = [
            (guard.name, number, text) for guard in guards for number, text in enumerate(guard.spec.allow.cel)
        ]
        texts = {str(number): _rule(text) for number, (_, _, text) in enumerate(self._said)}
        self._expressions = Predicates(texts, 0)

    def __call__(self, indicator: Indicator) -> Reason | None:
        """Why the indicator is kept back; None when it is not."""
        found = next(self._by_value(Observable.of(indicator.type, indicator.value)), None)
        if found is None and self._said:
            found = next(self._by_expression(indicator), None)
        return None if found is None else found.reason

    def matches(self, indicator: Indicator) -> Iterator[Match]:
        """Every reason to keep the indicator back, the one that is given to people first."""
        yield from self._by_value(Observable.of(indicator.type, indicator.value))
        yield from self._by_expression(indicator)

    def _by_value(self, observable: Observable) -> Iterator[Match]:
        if self._special and (kind := special(observable)) is not None:
            for guard in self._special:
                yield Match(guard, SPECIAL_ADDRESS, ("spec", "specialAddresses"), kind)
        if self._suffixes and (why := self._public_suffix(observable)) is not None:
            for guard in self._suffixes:
                yield Match(guard, PUBLIC_SUFFIX, ("spec", "publicSuffixes"), why)
        is_shareable = observable.name in self._shared_suffixes
        for owner, lists in self.warning_lists if not is_shareable else ():
            if (name := lists.find(observable)) is not None:
                path = ("spec", "warningLists", owner.spec.warning_lists.index(name))
                yield Match(owner.name, WARNING_LIST, path, f"on the warning list {name}", name)
        for guard, allowed in self._allowed:
            if allowed.find(observable) is not None:
                for entry in allowed.find_all(observable):
                    yield Match(guard, ALLOW_LIST, entry.path, f"allowed by {entry.text}", entry.text)

    def _public_suffix(self, observable: Observable) -> str | None:
        name = observable.name
        if name is None or not observable.whole or name in self._shared_suffixes:
            return None
        if is_public_suffix(name):
            return "a public suffix: names below it belong to many owners"
        below = suffix_below(name)
        return None if below is None else f"covers the public suffix {below}, below which names belong to many owners"

    def _by_expression(self, indicator: Indicator) -> Iterator[Match]:
        if not self._said:
            return
        answers, failed = self._expressions(indicator), list[Match]()
        for number, (guard, position, text) in enumerate(self._said):
            answer, path = answers[str(number)], ("spec", "allow", "cel", position)
            if answer:
                yield Match(guard, ALLOW_LIST, path, f"allowed by {text}", text)
            elif answer is None:
                failed.append(Match(guard, GUARD_FAILED, path, f"{text} cannot be evaluated for it", text))
        yield from failed  # only where no other expression says so is this the reason


def guard_set(guards: Sequence[Guard]) -> GuardSet:
    """The set of some guards: one and the same for equal guards, since lists take long to read."""
    return _guard_set(tuple(guards))


@cache
def guard_data() -> str:
    """The releases of the lists that guards look into: with another release they may keep back something else."""
    return " ".join(version(name) for name in ("pymispwarninglists", "publicsuffixlist"))


@lru_cache(maxsize=64)
def _guard_set(guards: tuple[Guard, ...]) -> GuardSet:
    return GuardSet(guards)


def _suffixes(guards: Sequence[Guard]) -> Iterator[str]:
    for guard in guards:
        for text in guard.spec.share_suffixes:
            with suppress(EntryError):  # `apply` refuses it; a suffix that left the list is kept back by no guard
                yield read_suffix(text)


def _rule(text: str) -> Rule:
    return Rule(metadata=Metadata(name="allow"), spec=RuleSpec(match=text))
