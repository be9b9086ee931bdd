"""Reads YAML text into documents that know the place of each field. Finds every mistake in a text.

The text is split at its `---` lines before parsing (YAML allows such a line nowhere inside a document), so that an
unreadable document does not hide mistakes in later ones.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import yaml
from yaml.reader import ReaderError

from services.console.manifests.places import Mistake, Path, Place

_TEXT = "tag:yaml.org,2002:str"
_MERGE = "tag:yaml.org,2002:merge"
_TIMESTAMP = "tag:yaml.org,2002:timestamp"
_SEPARATOR = re.compile(r"---(\s|$)")
_PREAMBLE = re.compile(r"\s*([%#].*)?$")


class _Loader(yaml.SafeLoader):
    """Reads dates as text: no field is a date, and a name may look like one."""

    yaml_implicit_resolvers = {  # noqa: RUF012  # the name and the kind of this attribute are PyYAML's
        first: [found for found in resolvers if found[0] != _TIMESTAMP]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a file: its value and the places of its fields."""

    file: str
    value: object
    node: yaml.Node
    offset: int = 0
    """Number of lines in the file before the text that `node` was parsed from."""
    flaws: tuple[Mistake, ...] = ()
    """Mistakes in field names. If a field is given twice, `value` has the last one."""

    def place(self, path: Path = (), *, key: bool = False) -> Place:
        """The place of a field: of its value if that is a scalar, else of its name. `key`: always of its name.

        For a missing field it is the place of the innermost parent that exists.
        """
        node, mark = self.node, self.node.start_mark
        for position, part in enumerate(path):
            found = _child(node, part)
            if found is None:
                break
            name, node = found
            last = position == len(path) - 1
            mark = node.start_mark if last and not key and isinstance(node, yaml.ScalarNode) else name.start_mark
        return _place(self.file, mark, self.offset)


def read_text(text: str, file: str) -> tuple[list[Document], list[Mistake]]:
    """The documents of a text and its mistakes. Each item of a list is a document; empty documents are ignored."""
    documents: list[Document] = []
    mistakes: list[Mistake] = []
    for offset, piece in _pieces(text):
        try:
            _read_piece(piece, file, offset, documents, mistakes)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            what = ", ".join(part for part in (error.context, error.problem) if part)
            place = _place(file, mark, offset) if mark else Place(file)
            mistakes.append(Mistake(f"this is not YAML: {what}", place))
        except ReaderError as error:
            before = piece[: error.position]
            line, column = before.count("\n") + 1 + offset, len(before) - (before.rfind("\n") + 1) + 1
            mistakes.append(Mistake(f"character U+{ord(piece[error.position]):04X} is not allowed in YAML; remove it",
                                    Place(file, line, column)))  # fmt: skip
        except RecursionError:
            mistakes.append(Mistake("this is nested too deeply to be a resource", Place(file, offset + 1, 1)))
    return documents, mistakes


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    """The text split before each `---`, with the number of lines before each piece. Directives go with what follows."""
    start, lines = 0, list[str]()
    for number, line in enumerate(text.split("\n")):
        if _SEPARATOR.match(line) and not all(_PREAMBLE.match(before) for before in lines):
            yield start, "\n".join(lines)
            start, lines = number, []
        lines.append(line)
    yield start, "\n".join(lines)


def _read_piece(piece: str, file: str, offset: int, documents: list[Document], mistakes: list[Mistake]) -> None:
    loader = _Loader(piece)
    try:
        while loader.check_node():
            root = loader.get_node()
            assert root is not None
            nodes = root.value if isinstance(root, yaml.SequenceNode) else [root]
            # Check all nodes before constructing any: construction writes merged fields into the nodes.
            for node, flaws in [(node, tuple(_flaws(node, file, offset))) for node in nodes]:
                try:
                    value = loader.construct_document(node)
                except (ValueError, KeyError):
                    place = _place(file, node.start_mark, offset)
                    mistakes.append(Mistake("a value here does not match its tag, or is too large", place))
                else:
                    if value is not None:
                        documents.append(Document(file, value, node, offset, flaws))
    finally:
        loader.dispose()


def _flaws(root: yaml.Node, file: str, offset: int) -> Iterator[Mistake]:
    """Fields given twice, and field names that are not text. Visits an aliased node once."""
    pending: list[tuple[yaml.Node, Path]] = [(root, ())]
    seen = set[int]()
    while pending:
        node, path = pending.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            pending += [(item, (*path, position)) for position, item in enumerate(node.value)]
        elif isinstance(node, yaml.MappingNode):
            for key, message in _flaws_of_keys(node):
                yield Mistake(message, _place(file, key.start_mark, offset), path=(*path, str(key.value)))
            pending += [(value, (*path, str(key.value))) for key, value in node.value]


def _flaws_of_keys(mapping: yaml.MappingNode) -> Iterator[tuple[yaml.Node, str]]:
    first: dict[str, yaml.Mark] = {}
    for key, _ in mapping.value:
        if not isinstance(key, yaml.ScalarNode) or key.tag not in (_TEXT, _MERGE):
            yield key, "the name of a field must be text; put it in quotes"
        elif key.value in first:
            yield key, f"is given twice, the first {_lines_before(first[key.value], key)}; keep one of the two"
        else:
            first[key.value] = key.start_mark


def _lines_before(mark: yaml.Mark, key: yaml.Node) -> str:
    lines = key.start_mark.line - mark.line
    return f"{lines} line{'s' if lines > 1 else ''} above" if lines else "on the same line"


def _child(node: yaml.Node, part: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    """The key node and value node of a part; of a repeated key, the last."""
    if isinstance(node, yaml.MappingNode):
        return next(((key, value) for key, value in reversed(node.value) if key.value == part), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part], node.value[part]
    return None


def _place(file: str, mark: yaml.Mark, offset: int) -> Place:
    return Place(file, mark.line + 1 + offset, mark.column + 1)
