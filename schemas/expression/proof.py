"""Proves that an expression gives true or false for any indicator: no operation in it can fail.

Each part gets bounds, computed from those of the variables (`ranges`). An operation is accepted if it cannot fail for
any operands, or not for operands within their bounds. A condition narrows the bounds of dependent parts: in `a && b`
those of b, in `c ? x : y` those of x and y.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from schemas.expression.facts import Facts, facts_when
from schemas.expression.operations import result, size
from schemas.expression.ranges import MOMENTS, Lengths, Range, Text, UnsafeError, Value, either
from schemas.expression.tree import Call, Constant, ListOf, Loop, Name, Node
from schemas.expression.variables import VARIABLES


@dataclass(slots=True)
class Steps:
    """Most loop steps of an expression: `times` × the number of tags + `more`."""

    times: int = 0
    more: int = 0


@dataclass(slots=True)
class Proof:
    """Bounds for the parts of one expression."""

    steps: Steps = field(default_factory=Steps)
    _found: dict[int, Value] = field(default_factory=dict)

    def of(self, node: Node, names: Mapping[str, Value], facts: Facts) -> Value:
        """The bounds of a part.

        Raises:
            UnprovenError: it can fail.

        """
        if node.is_dynamic and not isinstance(node, Constant):
            raise UnprovenError(node, "its type is not known before it is evaluated; compare things of one type")
        try:
            found = self._of(node, names, facts)
        except UnsafeError as error:
            raise UnprovenError(node, str(error)) from None
        narrowed = facts.get(node)
        if narrowed is not None and isinstance(found, Range):
            found = found & narrowed
        self._found[id(node)] = found
        return found

    def _of(self, node: Node, names: Mapping[str, Value], facts: Facts) -> Value:
        match node:
            case Constant(value=bool()):
                return None
            case Constant(value=int(value)):
                return Range(value, value)
            case Constant(value=value):
                return Text(value) if isinstance(value, str) else None
            case Name(name=name):
                return names[name] if name in names else _variable(name)
            case ListOf(elements=elements):
                found = [self.of(element, names, facts) for element in elements]
                element = found[0] if found else None
                for other in found[1:]:
                    element = either(element, other)
                return Lengths(element, 0, len(found))
            case Loop():
                return self._loop(node, names, facts)
            case Call():
                return self._call(node, names, facts)
        raise UnsafeError('maps and their fields are not safe here; write c ? a : b, or x in ["a", "b"]')

    def _loop(self, node: Loop, names: Mapping[str, Value], facts: Facts) -> Value:
        over = self.of(node.range, names, facts)
        if not isinstance(over, Lengths):
            raise UnsafeError("a loop can only go through a list")
        self.steps.times += over.times
        self.steps.more += over.more
        start = self.of(node.init, names, facts)
        # A list that is gathered holds what the loop goes through; a number counts it.
        gathered: Value = over if isinstance(start, Lengths) else Range(0, over.longest) if start is not None else None
        shadowed = facts.without(node.variable, node.accumulator)
        inner = {**names, node.variable: over.element, node.accumulator: gathered}
        for part in (node.condition, node.step, node.result):
            self.of(part, inner, shadowed)
        return gathered

    def _call(self, node: Call, names: Mapping[str, Value], facts: Facts) -> Value:
        arguments: list[Value] = []
        for number, argument in enumerate(node.arguments):
            arguments.append(self.of(argument, names, self._assumed(node, number, facts)))
        if node.function == "_?_:_":
            return either(arguments[1], arguments[2])
        if node.function == "size":
            return size(arguments[0])
        if len(node.overloads) != 1:
            raise UnsafeError("its type is not known before it is evaluated; compare things of one type")
        (overload,) = node.overloads
        return _index(node, arguments, facts) if overload == "index_list" else result(overload, arguments)

    def _assumed(self, node: Call, number: int, facts: Facts) -> Facts:
        """The facts for an argument: in `a && b`, CEL needs b only if a is true."""
        if number == 0 or node.function not in ("_&&_", "_||_", "_?_:_"):
            return facts
        holds = number == 1 if node.function == "_?_:_" else node.function == "_&&_"
        return facts.also(facts_when(node.arguments[0], lambda part: self._found.get(id(part)), holds=holds))


class UnprovenError(Exception):
    """A part of an expression that can fail, and why."""

    def __init__(self, node: Node, why: str) -> None:
        super().__init__(node, why)
        self.node, self.why = node, why


def _variable(name: str) -> Value:
    variable = VARIABLES.get(name)
    if variable is None:
        return None
    match variable.type.name():
        case "INT":
            return Range(variable.low, variable.high)
        case "TIMESTAMP":
            return MOMENTS
        case "STRING":
            return Text()
        case "BOOL":
            return None
    return Lengths(Text(), 1, 0)


def _index(node: Call, arguments: list[Value], facts: Facts) -> Value:
    listed, index = arguments
    sizes = [found for part, found in facts if isinstance(part, Call) and part.function == "size"
             and part.arguments == node.arguments[:1]]  # fmt: skip
    least = max((found.low for found in sizes), default=0)
    if isinstance(node.arguments[0], ListOf):
        least = len(node.arguments[0].elements)
    if not isinstance(index, Range) or index.low < 0 or index.high >= least:
        raise UnsafeError('the list can be too short; write "a" in ioc.tags, or ioc.tags.exists(tag, tag == "a")')
    return listed.element if isinstance(listed, Lengths) else None
