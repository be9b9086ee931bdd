"""`$filter` as a predicate over entities; whatever is not documented or seen to work is an ODataError.

Supported: eq ne gt ge lt le, and or not, parentheses, contains, startswith, and `any` over the device groups. Only
the documented properties can be filtered; enumerations are compared with their quoted names, times with unquoted
DateTimeOffset literals. Sources: Microsoft, "List Indicators API", "OData queries".
"""

# ruff: noqa: N802  # visit_<Node> is the name under which odata-query looks for a visitor
import operator
from collections.abc import Callable
from enum import StrEnum
from functools import cache
from typing import Any

from odata_query import ast
from odata_query.exceptions import ODataException
from odata_query.grammar import ODataLexer, ODataParser
from odata_query.visitor import NodeVisitor

from services.sandbox.defender.errors import ApiError, Code
from services.sandbox.defender.switches import DefenderSwitches
from services.sandbox.defender.times import parse_ticks
from services.sandbox.defender.vocabulary import Action, IndicatorType, Severity

Predicate = Callable[[dict[str, Any]], bool]
Getter = Callable[[dict[str, Any]], Any]

SHORT = frozenset({"indicatorValue", "indicatorType", "creationTimeDateTimeUtc", "createdBy", "severity", "action"})
LONG = SHORT | {
    *("application", "createdByDisplayName", "expirationTime", "generateAlert", "title"),
    *("rbacGroupNames", "rbacGroupIds"),
}
_ENUMS: dict[str, type[StrEnum]] = {"indicatorType": IndicatorType, "action": Action, "severity": Severity}
_TIMES = frozenset({"creationTimeDateTimeUtc", "expirationTime"})
_LISTS = frozenset({"rbacGroupNames", "rbacGroupIds"})

_OPERATORS: dict[type[object], tuple[str, Callable[[Any, Any], Any]]] = {
    ast.Eq: ("eq", operator.eq),
    ast.NotEq: ("ne", operator.ne),
    ast.Lt: ("lt", operator.lt),
    ast.LtE: ("le", operator.le),
    ast.Gt: ("gt", operator.gt),
    ast.GtE: ("ge", operator.ge),
}
_MIRRORED = {"lt": ast.Gt, "le": ast.GtE, "gt": ast.Lt, "ge": ast.LtE, "eq": ast.Eq, "ne": ast.NotEq}


def odata_error(detail: str) -> ApiError:
    """Return the vendor's answer to a query that it cannot run."""
    return ApiError(Code.ODATA_ERROR, f"Invalid OData URI query: {detail}")


def predicate(text: str, switches: DefenderSwitches) -> Predicate:
    """Compile a decoded `$filter`. Raises ApiError ODataError."""
    tree = _parse(text)
    if switches.max_filter_nodes is not None and _nodes(tree) > switches.max_filter_nodes:
        raise odata_error(f"The node count limit of '{switches.max_filter_nodes}' has been exceeded.")
    fields = LONG if switches.filterable == "long" else SHORT
    try:
        compiled: Predicate = _Compiler(fields, caseless=not switches.filter_case_sensitive).visit(tree)
    except RecursionError as error:
        raise odata_error("The recursion limit has been exceeded.") from error
    return compiled


def _name(node: ast.Identifier) -> str:
    return ".".join((*node.namespace, node.name))


@cache
def _parser() -> tuple[ODataLexer, ODataParser]:
    return ODataLexer(), ODataParser()


def _parse(text: str) -> ast._Node:  # the library's base class of all nodes
    lexer, parser = _parser()
    if text.count("'") % 2:
        raise odata_error(f"There is an unterminated string literal at position {len(text)} in '{text}'.")
    try:
        tree: ast._Node | None = parser.parse(lexer.tokenize(text))
    except ODataException as error:
        raise odata_error(f"Syntax error in '{text}': {error}") from error
    if tree is None:
        raise odata_error("The filter is empty.")
    return tree


def _nodes(tree: ast._Node) -> int:
    """How many operators, calls, properties and literals; counted without recursion, as input may nest deeply."""
    count, stack = 0, [tree]
    while stack:
        node = stack.pop()
        count += 1
        if isinstance(node, ast.BoolOp | ast.Compare | ast.BinOp):
            stack += [node.left, node.right]
        elif isinstance(node, ast.UnaryOp):
            stack.append(node.operand)
        elif isinstance(node, ast.Call):
            stack += node.args
        elif isinstance(node, ast.CollectionLambda) and node.lambda_ is not None:
            stack += [node.owner, node.lambda_.expression]
    return count


class _Compiler(NodeVisitor):
    """Every `visit_` returns a predicate; a node without one is refused."""

    def __init__(self, fields: frozenset[str], *, caseless: bool) -> None:
        self.fields = fields
        self.caseless = caseless
        self.variable: tuple[str, str] | None = None

    def generic_visit(self, node: ast._Node) -> Predicate:
        raise odata_error(f"{type(node).__name__} is not supported here.")

    def visit_BoolOp(self, node: ast.BoolOp) -> Predicate:
        left: Predicate = self.visit(node.left)
        right: Predicate = self.visit(node.right)
        if isinstance(node.op, ast.And):
            return lambda entity: left(entity) and right(entity)
        return lambda entity: left(entity) or right(entity)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> Predicate:
        if not isinstance(node.op, ast.Not):
            raise odata_error("Arithmetic is not supported.")
        operand: Predicate = self.visit(node.operand)
        return lambda entity: not operand(entity)

    def visit_Identifier(self, node: ast.Identifier) -> Predicate:
        if self._field(node) != "generateAlert":
            raise odata_error(f"'{_name(node)}' is not a Boolean.")
        return lambda entity: entity["generateAlert"] is True

    def visit_Compare(self, node: ast.Compare) -> Predicate:
        if type(node.comparator) not in _OPERATORS:
            raise odata_error(f"Operator {type(node.comparator).__name__} is not supported.")
        name, compare = _OPERATORS[type(node.comparator)]
        left, right = node.left, node.right
        if not isinstance(left, ast.Identifier):
            left, right = right, left
            name, compare = _OPERATORS[_MIRRORED[name]]
        if not isinstance(left, ast.Identifier):
            raise odata_error("One side of a comparison must be a property.")
        field = self._field(left)
        literal = self._literal(field, right, name)
        get = self._getter(field)
        if literal is None:
            return (lambda entity: get(entity) is None) if name == "eq" else (lambda entity: get(entity) is not None)

        def compared(entity: dict[str, Any]) -> bool:
            value = get(entity)
            return name == "ne" if value is None else bool(compare(value, literal))

        return compared

    def visit_Call(self, node: ast.Call) -> Predicate:
        function = _name(node.func)
        if function not in {"contains", "startswith"}:
            raise odata_error(f"Function '{function}' is not supported.")
        target, text = node.args
        if not isinstance(target, ast.Identifier) or not isinstance(text, ast.String):
            raise odata_error(f"'{function}' takes a property and a string.")
        field = self._field(target)
        if field in _ENUMS or field in _TIMES or field == "generateAlert":
            raise odata_error(f"'{function}' cannot be applied to '{field}'.")
        get, wanted = self._getter(field), self._fold(field, text.val)
        if function == "contains":
            return lambda entity: wanted in (get(entity) or "")
        return lambda entity: (get(entity) or "").startswith(wanted)

    def visit_CollectionLambda(self, node: ast.CollectionLambda) -> Predicate:
        owner, inner = node.owner, node.lambda_
        name = _name(owner) if isinstance(owner, ast.Identifier) else ""
        if name not in _LISTS & self.fields or not isinstance(node.operator, ast.Any) or self.variable:
            raise odata_error("Only 'any' over the device groups is supported.")
        if inner is None:
            return lambda entity: bool(entity[name])
        self.variable = inner.identifier.name, name
        matches: Predicate = self.visit(inner.expression)
        self.variable = None
        return lambda entity: any(matches({name: str(member)}) for member in entity[name])

    def _field(self, node: ast.Identifier) -> str:
        name = _name(node)
        if self.variable is not None:
            if name != self.variable[0]:
                raise odata_error(f"'{name}' is not the range variable.")
            return self.variable[1]
        if name in _LISTS & self.fields:
            raise odata_error(f"'{name}' is a collection; use any.")
        if name not in self.fields:
            raise odata_error(f"The property '{name}' cannot be used in the $filter query option.")
        return name

    def _literal(self, field: str, node: ast._Node, operator_name: str) -> Any:  # noqa: ANN401
        if isinstance(node, ast.Null) and operator_name in {"eq", "ne"}:
            return None
        if field in _TIMES and isinstance(node, ast.DateTime):
            try:
                return parse_ticks(node.val)
            except (ValueError, OverflowError) as error:
                raise odata_error(str(error)) from error
        if field == "generateAlert" and isinstance(node, ast.Boolean) and operator_name in {"eq", "ne"}:
            return node.py_val
        if field in _ENUMS and isinstance(node, ast.String):
            if node.val not in frozenset(_ENUMS[field]):
                raise odata_error(f"The string '{node.val}' is not a valid enumeration type constant.")
            return node.val
        if field not in _TIMES and field not in _ENUMS and field != "generateAlert" and isinstance(node, ast.String):
            return self._fold(field, node.val)
        raise odata_error(f"Incompatible types: '{field}' {operator_name} {type(node).__name__}.")

    def _fold(self, field: str, text: str) -> str:
        return text.lower() if self.caseless and field == "indicatorValue" else text

    def _getter(self, field: str) -> Getter:
        if field in _TIMES:
            return lambda entity: None if entity[field] is None else parse_ticks(entity[field])
        if self.caseless and field == "indicatorValue":
            return lambda entity: entity[field].lower()
        return lambda entity: entity[field]
