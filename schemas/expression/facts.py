"""Bounds of parts of an expression that follow from a condition, where it holds and where it does not."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from schemas.expression.ranges import Range, Value
from schemas.expression.tree import Call, Constant, Name, Node

_FAR: Final = 2**100
_NEGATED: Final = {"_<_": "_>=_", "_>=_": "_<_", "_>_": "_<=_", "_<=_": "_>_", "_==_": "_!=_", "_!=_": "_==_"}
_MIRRORED: Final = {"_<_": "_>_", "_>_": "_<_", "_<=_": "_>=_", "_>=_": "_<=_", "_==_": "_==_", "_!=_": "_!=_"}
Bounds = Callable[[Node], Value]


@dataclass(frozen=True, slots=True)
class Facts:
    """Known bounds by part of an expression."""

    _known: Mapping[Node, Range] = field(default_factory=dict)

    def __iter__(self) -> Iterator[tuple[Node, Range]]:
        return iter(self._known.items())

    def get(self, part: Node) -> Range | None:
        """The bounds of a part; None if unknown."""
        return self._known.get(part) if self._known else None

    def also(self, found: Iterator[tuple[Node, Range]]) -> "Facts":
        """These facts and further ones."""
        known = dict(self._known)
        for part, bounds in found:
            known[part] = known[part] & bounds if part in known else bounds
        return Facts(known)

    def without(self, *names: str) -> "Facts":
        """These facts without parts that contain one of the names, which are redefined in a loop."""
        return Facts(
            {part: bounds for part, bounds in self._known.items() if not any(_contains(part, n) for n in names)}
        )


def _contains(part: Node, name: str) -> bool:
    match part:
        case Name(name=found):
            return found == name
        case Call(arguments=arguments):
            return any(_contains(argument, name) for argument in arguments)
        case Constant():
            return False
    return True


def facts_when(condition: Node, bounds: Bounds, *, holds: bool) -> Iterator[tuple[Node, Range]]:
    """Facts that follow if a condition holds, or if it does not. `bounds` gives the bounds of its parts."""
    if not isinstance(condition, Call):
        return
    if condition.function == "!_":
        yield from facts_when(condition.arguments[0], bounds, holds=not holds)
    elif condition.function == ("_&&_" if holds else "_||_"):
        for part in condition.arguments:
            yield from facts_when(part, bounds, holds=holds)
    elif condition.function in _NEGATED:
        one, other = condition.arguments
        operator = condition.function if holds else _NEGATED[condition.function]
        yield from _compared(operator, one, other, bounds)
        yield from _compared(_MIRRORED[operator], other, one, bounds)


def _compared(operator: str, part: Node, other: Node, bounds: Bounds) -> Iterator[tuple[Node, Range]]:
    if not isinstance(other, Constant) or not isinstance(part, Call | Name) or not isinstance(other.value, int):
        return
    value = other.value
    match operator:
        case "_<_":
            yield part, Range(-_FAR, value - 1)
        case "_<=_":
            yield part, Range(-_FAR, value)
        case "_>_":
            yield part, Range(value + 1, _FAR)
        case "_>=_":
            yield part, Range(value, _FAR)
        case "_==_":
            yield part, Range(value, value)
        case "_!=_":
            known = bounds(part)
            if isinstance(known, Range) and known.low == value:
                yield part, Range(value + 1, _FAR)
            if isinstance(known, Range) and known.high == value:
                yield part, Range(-_FAR, value - 1)
