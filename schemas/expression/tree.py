"""The syntax tree of an expression that CEL has parsed and type-checked.

The library shows it as bytes only: a serialised `cel.expr.CheckedExpr`, of which the fields used are declared here
(https://github.com/google/cel-spec/blob/master/proto/cel/expr/checked.proto).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

_MESSAGES: Final[Mapping[str, Sequence[tuple[str, int, str]]]] = {
    "Any": [("value", 2, "bytes")],
    "CheckedExpr": [
        ("reference_map", 2, "*ReferenceEntry"), ("type_map", 3, "*TypeEntry"), ("expr", 4, "Expr"),
        ("source_info", 5, "SourceInfo"),
    ],
    "ReferenceEntry": [("key", 1, "int64"), ("value", 2, "Reference")],
    "Reference": [("name", 1, "string"), ("overload_id", 3, "*string")],
    "TypeEntry": [("key", 1, "int64"), ("value", 2, "Type")],
    "Type": [("dyn", 1, "Empty")],
    "Empty": [],
    "SourceInfo": [("positions", 4, "*Position")],
    "Position": [("key", 1, "int64"), ("value", 2, "int32")],
    "Expr": [
        ("id", 2, "int64"), ("const", 3, "Constant"), ("ident", 4, "Ident"), ("select", 5, "Select"),
        ("call", 6, "Call"), ("list", 7, "List"), ("struct", 8, "Empty"), ("loop", 9, "Loop"),
    ],
    "Constant": [("int", 3, "int64"), ("uint", 4, "uint64"), ("string", 6, "string")],
    "Ident": [("name", 1, "string")],
    "Select": [("operand", 1, "Expr"), ("field", 2, "string")],
    "Call": [("target", 1, "Expr"), ("function", 2, "string"), ("args", 3, "*Expr")],
    "List": [("elements", 1, "*Expr")],
    "Loop": [
        ("variable", 1, "string"), ("range", 2, "Expr"), ("accumulator", 3, "string"), ("init", 4, "Expr"),
        ("condition", 5, "Expr"), ("step", 6, "Expr"), ("result", 7, "Expr"),
    ],
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Node:
    """A part of an expression. `at` is its offset in the text, in characters; equal parts compare equal wherever."""

    at: int = field(compare=False)
    is_dynamic: bool = field(compare=False)
    """Whether CEL does not know its type before it is evaluated."""


@dataclass(frozen=True, slots=True)
class Constant(Node):
    """A literal. `value` is kept of whole numbers and texts."""

    value: int | str | None


@dataclass(frozen=True, slots=True)
class Name(Node):
    """A variable of the environment or of a loop."""

    name: str


@dataclass(frozen=True, slots=True)
class Call(Node):
    """A function or an operator. The object of a method is its first argument."""

    function: str
    overloads: tuple[str, ...] = field(compare=False)
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class ListOf(Node):
    """A list that is written out."""

    elements: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Loop(Node):
    """What `all`, `exists`, `exists_one` and `filter` are made into."""

    variable: str
    range: Node
    accumulator: str
    init: Node
    condition: Node
    step: Node
    result: Node


@dataclass(frozen=True, slots=True)
class Other(Node):
    """A map, a message, or a field of one."""


def tree(compiled: Any) -> Node:  # noqa: ANN401  # the library's Expression
    """The tree of a compiled expression."""
    classes = _classes()
    checked = classes["CheckedExpr"]()
    checked.MergeFromString(classes["Any"].FromString(compiled.serialize()).value)
    return _Reader(checked).node(checked.expr)


class _Reader:
    def __init__(self, checked: Any) -> None:  # noqa: ANN401  # made from a declaration
        self._overloads = {entry.key: tuple(entry.value.overload_id) for entry in checked.reference_map}
        self._names = {entry.key: entry.value.name for entry in checked.reference_map}
        self._dynamic = {entry.key for entry in checked.type_map if entry.value.HasField("dyn")}
        self._places = {entry.key: entry.value for entry in checked.source_info.positions}

    def node(self, expr: Any) -> Node:  # noqa: ANN401  # made from a declaration
        at, is_dynamic = self._places.get(expr.id, 0), expr.id in self._dynamic
        if expr.HasField("const"):
            const = expr.const
            kind = next((name for name in ("int", "uint", "string") if const.HasField(name)), None)
            return Constant(at, is_dynamic, getattr(const, kind) if kind else None)
        if expr.HasField("ident"):
            return Name(at, is_dynamic, self._names.get(expr.id) or expr.ident.name)
        if expr.HasField("call"):
            parts = [*([expr.call.target] if expr.call.HasField("target") else []), *expr.call.args]
            arguments = tuple(map(self.node, parts))
            return Call(at, is_dynamic, expr.call.function, self._overloads.get(expr.id, ()), arguments)
        if expr.HasField("list"):
            return ListOf(at, is_dynamic, tuple(map(self.node, expr.list.elements)))
        if expr.HasField("loop"):
            loop = expr.loop
            parts = [self.node(part) for part in (loop.init, loop.condition, loop.step, loop.result)]
            return Loop(at, is_dynamic, loop.variable, self.node(loop.range), loop.accumulator, *parts)
        return Other(at, is_dynamic)


@cache
def _classes() -> dict[str, Any]:
    package = "ioc_bridge.expression"
    messages = [
        {"name": name, "field": [_declared(package, *declared) for declared in fields]}
        for name, fields in _MESSAGES.items()
    ]
    declared = {"name": f"{package}.proto", "package": package, "syntax": "proto2", "messageType": messages}
    file = json_format.ParseDict(declared, descriptor_pb2.FileDescriptorProto())
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}")) for name in _MESSAGES
    }


def _declared(package: str, name: str, number: int, kind: str) -> dict[str, Any]:
    bare = kind.removeprefix("*")
    label = "LABEL_REPEATED" if kind != bare else "LABEL_OPTIONAL"
    typed = {"typeName": f".{package}.{bare}"} if bare in _MESSAGES else {"type": f"TYPE_{bare.upper()}"}
    return {"name": name, "number": number, "label": label, **typed}
