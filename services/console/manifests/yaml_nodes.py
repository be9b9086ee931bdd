"""The nodes of one YAML document: what no resource can hold is found, with its field, and taken out.

A node that was checked can be constructed: it has the tags of JSON, names of fields are text, and its aliases, written
out, stay within bounds.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

from services.console.manifests.places import Path
from services.console.manifests.yaml_loader import ManifestLoader

MAX_ALIASED = 100_000
"""How many values more than a text has its aliases may stand for."""

MAX_ALIASED_DEPTH = 100
"""Levels of nesting with aliases written out."""

_PREFIX = "tag:yaml.org,2002:"
_TEXT, _MERGE = f"{_PREFIX}str", f"{_PREFIX}merge"
_SCALARS = {f"{_PREFIX}{name}" for name in ("str", "int", "float", "bool", "null")}
_AMBIGUOUS = {
    f"{_PREFIX}int": re.compile(r"(?![-+]?(?:0|[1-9][0-9]*|0x[0-9A-Fa-f]+)\Z).*"),
    f"{_PREFIX}float": re.compile(r".*[:_].*"),
    _TEXT: re.compile(r"[-+]?0o[0-7]+"),
}
_CONSTRUCTOR = ManifestLoader("")
"""Its methods for scalars keep no state."""

_SURROGATE = re.compile("[\ud800-\udfff]")

_NAME = "the name of a field must be text; put it in quotes"
_NAME_OF_PARTS = "a list or a mapping is no name of a field; remove it, or put it in quotes"
_MERGED = "<< takes a mapping, or a list of mappings; name one by its alias, for example <<: *base"
_NUMBER = (
    "is a number that YAML 1.1 and 1.2 read in different ways; write it in plain digits, or put it in quotes if it is "
    "text"
)
_VALUE = "is not what its tag says, or has too many digits; correct it, or put it in quotes if it is text"
_BROKEN = "has broken Unicode in it; remove it"
_ITSELF = "holds itself by an alias; write out what is meant instead of the alias"
_TOO_LARGE = f"stands for more than {MAX_ALIASED} values by its aliases; write out what is meant"
_ALIASED_TOO_DEEP = f"is nested in more than {MAX_ALIASED_DEPTH} levels by its aliases; write out what is meant"


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with one field, and where it stands in the text that was parsed."""

    message: str
    mark: yaml.Mark
    path: Path = ()


@dataclass(slots=True)
class CheckedNodes:
    """What is wrong with the nodes of a document."""

    flaws: list[Flaw] = field(default_factory=list)
    unread: set[Path] = field(default_factory=set)
    """Fields whose value is taken for text, since it could not be read as what it is."""


def find_expansion(root: yaml.Node) -> Flaw | None:
    """What keeps the aliases of a node from being written out: a circle, or more than the bounds allow."""
    sizes: dict[int, tuple[int, int]] = {}
    open_ = {id(root)}
    stack: list[tuple[Path, yaml.Node, Iterator[tuple[Path, yaml.Node]]]] = [((), root, _children(root))]
    while stack:
        path, node, rest = stack[-1]
        part, child = next(rest, (None, None))
        if part is None or child is None:
            stack.pop()
            open_.discard(id(node))
            inner = [sizes[id(one)] for _, one in _children(node)]
            size = 1 + sum(count for count, _ in inner), 1 + max((depth for _, depth in inner), default=0)
            sizes[id(node)] = size
            if size[0] > MAX_ALIASED + len(sizes):
                return Flaw(_TOO_LARGE, node.start_mark, path)
            if size[1] > MAX_ALIASED_DEPTH:
                return Flaw(_ALIASED_TOO_DEEP, node.start_mark, path)
        elif id(child) in open_:
            return Flaw(_ITSELF, child.start_mark, (*path, *part))
        elif id(child) not in sizes:
            open_.add(id(child))
            stack.append(((*path, *part), child, _children(child)))
    return None


def check_nodes(root: yaml.Node) -> CheckedNodes:
    """Find what is wrong with each field of a document, and take out what cannot be constructed.

    `find_expansion` must have found nothing. An alias is looked at once, where its anchor comes first.
    """
    found = CheckedNodes()
    pending: list[tuple[Path, yaml.Node]] = [((), root)]
    seen = set[int]()
    while pending:
        path, node = pending.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        message = _check_value(node)
        if message is not None:
            found.flaws.append(Flaw(message, node.start_mark, path))
            found.unread.add(path)
        if isinstance(node, yaml.MappingNode):
            found.flaws += _check_names(node, path)
        pending += [((*path, *part), child) for part, child in _children(node)]
    return found


def _children(node: yaml.Node) -> Iterator[tuple[Path, yaml.Node]]:
    """The nodes in a node, each with its part of a path; names that are no words have none."""
    if isinstance(node, yaml.SequenceNode):
        yield from (((position,), item) for position, item in enumerate(node.value))
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                yield (key.value,), value
            else:
                yield (), key
                yield (), value


def _check_value(node: yaml.Node) -> str | None:
    """What is wrong with one value; it is text, or a plain list or mapping, from then on."""
    if not isinstance(node, yaml.ScalarNode):
        kind = f"{_PREFIX}seq" if isinstance(node, yaml.SequenceNode) else f"{_PREFIX}map"
        given, node.tag = node.tag, kind
        return None if given == kind else _unknown_tag(given)
    message = _check_scalar(node)
    if message is not None or node.tag == _MERGE:
        node.tag = _TEXT
    return message


def _check_scalar(node: yaml.ScalarNode) -> str | None:
    if node.tag == _MERGE:
        return None
    if node.tag not in _SCALARS:
        return _unknown_tag(node.tag)
    if _SURROGATE.search(node.value):
        node.value = _SURROGATE.sub("\ufffd", node.value)
        return _BROKEN
    try:
        _CONSTRUCTOR.yaml_constructors[node.tag](_CONSTRUCTOR, node)
    except (ValueError, LookupError):
        return _VALUE
    ambiguous = _AMBIGUOUS.get(node.tag)
    if node.style is None and ambiguous is not None and ambiguous.fullmatch(node.value):
        return _NUMBER
    return None


def _unknown_tag(tag: str) -> str:
    return f"the tag {tag.replace(_PREFIX, '!!')[:80]} is not known here; remove it"


def _check_names(mapping: yaml.MappingNode, path: Path) -> Iterator[Flaw]:
    """What is wrong with the names of a mapping's fields. What has no proper name is removed from it."""
    first: dict[str, yaml.Mark] = {}
    kept: list[tuple[yaml.Node, yaml.Node]] = []
    for key, value in mapping.value:
        name: Path = (*path, key.value) if isinstance(key, yaml.ScalarNode) else path
        message = _check_name(key, value)
        if message is None:
            kept.append((key, value))
            if key.value in first:
                message = f"is given twice, the first {_lines_before(first[key.value], key)}; keep one of the two"
            first.setdefault(key.value, key.start_mark)
        if message is not None:
            yield Flaw(message, key.start_mark, name)
    mapping.value = kept


def _check_name(key: yaml.Node, value: yaml.Node) -> str | None:
    if not isinstance(key, yaml.ScalarNode):
        return _NAME_OF_PARTS
    if key.tag == _MERGE:
        merged = value.value if isinstance(value, yaml.SequenceNode) else [value]
        return None if all(isinstance(one, yaml.MappingNode) for one in merged) else _MERGED
    if key.tag != _TEXT:
        return _NAME
    return _BROKEN if _SURROGATE.search(key.value) else None


def _lines_before(mark: yaml.Mark, key: yaml.Node) -> str:
    lines = key.start_mark.line - mark.line
    return f"{lines} line{'s' if lines > 1 else ''} above" if lines else "on the same line"
