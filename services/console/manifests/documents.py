"""YAML text as documents that know where each of their fields stands. Every mistake of a text is found.

The text is cut at its `---` lines before it is parsed (YAML allows such a line nowhere inside a document), so that a
document which cannot be read does not hide the mistakes of those after it.
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
    """Reads what looks like a date as text: no field is a date, and a name may look like one."""

    yaml_implicit_resolvers = {  # noqa: RUF012  # the name and the kind of this attribute are PyYAML's
        first: [found for found in resolvers if found[0] != _TIMESTAMP]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a file: its value, and the places of what is in it."""

    file: str
    value: object
    node: yaml.Node
    offset: int = 0
    """Lines of the file before the text that `node` was parsed from."""
    flaws: tuple[Mistake, ...] = ()
    """What is wrong with its fields' names. Where one is given twice, the last is in `value`."""

    def place(self, path: Path = (), *, key: bool = False) -> Place:
        """Where a field is: its value if that is one word, otherwise its name; for a missing one, what it would be in.

        `key` asks for the place of the field's name.
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
    """Read the documents of a text. A document that is a list counts as that many documents; empty ones as none."""
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
    """The text cut before each `---`, with the number of lines before each piece. Directives stay with what follows."""
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
            # All are looked at before the first is constructed, for that writes merged fields into the nodes.
            for node, flaws in [(node, tuple(_flaws(node, file, offset))) for node in nodes]:
                try:
                    value = loader.construct_document(node)
                except (ValueError, KeyError):
                    place = _place(file, node.start_mark, offset)
                    mistakes.append(Mistake("a value here is not what its tag says, or is far too large", place))
                else:
                    if value is not None:
                        documents.append(Document(file, value, node, offset, flaws))
    finally:
        loader.dispose()


def _flaws(root: yaml.Node, file: str, offset: int) -> Iterator[Mistake]:
    """Fields given twice, and names of fields that are not text. An alias is looked at once."""
    waiting: list[tuple[yaml.Node, Path]] = [(root, ())]
    seen = set[int]()
    while waiting:
        node, path = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            waiting += [(item, (*path, position)) for position, item in enumerate(node.value)]
        elif isinstance(node, yaml.MappingNode):
            for key, message in _flaws_of_keys(node):
                yield Mistake(message, _place(file, key.start_mark, offset), path=(*path, str(key.value)))
            waiting += [(value, (*path, str(key.value))) for key, value in node.value]


def _flaws_of_keys(mapping: yaml.MappingNode) -> Iterator[tuple[yaml.Node, str]]:
    first: dict[str, yaml.Mark] = {}
    for key, _ in mapping.value:
        if not isinstance(key, yaml.ScalarNode) or key.tag not in (_TEXT, _MERGE):
            yield key, "the name of a field is text; put it in quotes if it is meant to be one"
        elif key.value in first:
            yield key, f"is given twice, the first {_lines_before(first[key.value], key)}; keep one of the two"
        else:
            first[key.value] = key.start_mark


def _lines_before(mark: yaml.Mark, key: yaml.Node) -> str:
    lines = key.start_mark.line - mark.line
    return f"{lines} line{'s' if lines > 1 else ''} above" if lines else "on the same line"


def _child(node: yaml.Node, part: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    """What stands for the name of a part, and its value. The last of several is the one that counts."""
    if isinstance(node, yaml.MappingNode):
        return next(((key, value) for key, value in reversed(node.value) if key.value == part), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part], node.value[part]
    return None


def _place(file: str, mark: yaml.Mark, offset: int) -> Place:
    return Place(file, mark.line + 1 + offset, mark.column + 1)
