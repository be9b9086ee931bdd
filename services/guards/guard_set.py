"""What the guards of a connection keep back, whoever vouches for it.

Invariant: guards add up, and each looks at the indicator alone: never at the time, never at other indicators. So the
answer changes only when the indicator or a guard does. An expression that fails keeps nothing back.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from schemas.indicator import Indicator
from schemas.predicates import Predicates
from schemas.record import Reason
from schemas.resources import Guard, Rule
from schemas.resources.base import Metadata
from schemas.resources.rule import RuleSpec
from services.guards.allow_list import Allowed
from services.guards.observable import Observable
from services.guards.reserved_ranges import special
from services.guards.warning_list_index import warning_list_index

SPECIAL_ADDRESS: Final = "guard_special_address"
WARNING_LIST: Final = "guard_warning_list"
ALLOW_LIST: Final = "guard_allow_list"


class GuardSet:
    """The guards of one connection. The reason it gives is that of the first guard, in the order given, that has one
    of the first kind: a special address, a warning list, an allow list, an expression.
    """

    def __init__(self, guards: Sequence[Guard]) -> None:
        self._special = next((guard.name for guard in guards if guard.spec.special_addresses), None)
        self._benign = [
            (guard.name, warning_list_index(guard.spec.warning_lists)) for guard in guards if guard.spec.warning_lists
        ]
        self._allowed = [
            (guard.name, Allowed(allow)) for guard in guards
            if (allow := guard.spec.allow).values or allow.domains or allow.networks
        ]  # fmt: skip
        self._said = [(guard.name, text) for guard in guards for text in guard.spec.allow.cel]
        self._expressions = Predicates({str(number): _rule(text) for number, (_, text) in enumerate(self._said)}, 0)

    def __call__(self, indicator: Indicator) -> Reason | None:
        """Why the indicator is kept back; None when it is not."""
        reason = self._by_value(Observable.of(indicator.type, indicator.value))
        return reason if reason is not None or not self._said else self._by_expression(indicator)

    def _by_value(self, observable: Observable) -> Reason | None:
        if self._special is not None and (kind := special(observable)) is not None:
            return Reason(code=SPECIAL_ADDRESS, detail=f"guard {self._special}: {kind}")
        for guard, lists in self._benign:
            if (name := lists.find(observable)) is not None:
                return Reason(code=WARNING_LIST, detail=f"guard {guard}: on the warning list {name}")
        for guard, allowed in self._allowed:
            if (entry := allowed.find(observable)) is not None:
                return Reason(code=ALLOW_LIST, detail=f"guard {guard}: allowed by {entry}")
        return None

    def _by_expression(self, indicator: Indicator) -> Reason | None:
        answers = self._expressions(indicator)
        for number, (guard, text) in enumerate(self._said):
            if answers[str(number)]:
                return Reason(code=ALLOW_LIST, detail=f"guard {guard}: allowed by {text}")
        return None


def guard_set(guards: Sequence[Guard]) -> GuardSet:
    """The guard_set of some guards: one and the same for equal guards, since lists take long to read."""
    return _keeper(tuple(guards))


@lru_cache(maxsize=64)
def _keeper(guards: tuple[Guard, ...]) -> GuardSet:
    return GuardSet(guards)


def _rule(text: str) -> Rule:
    return Rule(metadata=Metadata(name="allow"), spec=RuleSpec(match=text))
