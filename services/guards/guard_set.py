"""The guards of a connection: which indicators they block. Used by the router for every indicator, and by `test-guard`.

Invariant: any guard can block, and the result depends only on the indicator and the guards, never on the time or other
indicators. An expression that fails blocks the indicator.
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
    """One reason to block an indicator: the guard, the path of its field or entry, and the text of the reason.

    `entry` is the text of the entry if the field is a list.
    """

    guard: str
    code: str
    path: tuple[str | int, ...]
    why: str
    entry: str = ""

    @property
    def reason(self) -> Reason:
        """The reason for records."""
        return Reason(code=self.code, detail=f"guard {self.guard}: {self.why}")


class GuardSet:
    """The guards of one connection. `warning_lists` and `allow_lists` are in the order of the guards.

    Kinds are checked in this order: special addresses, public suffixes, warning lists, allow lists, expressions. The
    reason is that of the first guard, in the given order, for the first kind that blocks.
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
        self._expressions = [
            (guard.name, number, text) for guard in guards for number, text in enumerate(guard.spec.allow.cel)
        ]
        rules = {str(number): _rule(text) for number, (_, _, text) in enumerate(self._expressions)}
        self._predicates = Predicates(rules, 0)

    def __call__(self, indicator: Indicator) -> Reason | None:
        """Return why the indicator is blocked, or None."""
        found = next(self._by_value(Observable.of(indicator.type, indicator.value)), None)
        if found is None and self._expressions:
            found = next(self._by_expression(indicator), None)
        return None if found is None else found.reason

    def matches(self, indicator: Indicator) -> Iterator[Match]:
        """Yield every reason to block the indicator; the first one is that of `__call__`."""
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
        if not self._expressions:
            return
        answers, failed = self._predicates(indicator), list[Match]()
        for number, (guard, position, text) in enumerate(self._expressions):
            answer, path = answers[str(number)], ("spec", "allow", "cel", position)
            if answer:
                yield Match(guard, ALLOW_LIST, path, f"allowed by {text}", text)
            elif answer is None:
                failed.append(Match(guard, GUARD_FAILED, path, f"{text} cannot be evaluated for it", text))
        yield from failed  # last: a failure is the reason only if no other expression blocks


def guard_set(guards: Sequence[Guard]) -> GuardSet:
    """Return the guard set; equal guards share one, since reading the lists takes long."""
    return _guard_set(tuple(guards))


@cache
def guard_data() -> str:
    """Return the releases of the lists that guards use: another release may block other indicators."""
    return " ".join(version(name) for name in ("pymispwarninglists", "publicsuffixlist"))


@lru_cache(maxsize=64)
def _guard_set(guards: tuple[Guard, ...]) -> GuardSet:
    return GuardSet(guards)


def _suffixes(guards: Sequence[Guard]) -> Iterator[str]:
    for guard in guards:
        for text in guard.spec.share_suffixes:
            with suppress(EntryError):  # `apply` refuses it; no guard blocks a suffix that has left the list
                yield read_suffix(text)


def _rule(text: str) -> Rule:
    return Rule(metadata=Metadata(name="allow"), spec=RuleSpec(match=text))
