"""Reads YAML text into documents that know the place of each field. Finds every mistake in a text.

The text is split at its `---` lines before parsing (YAML allows such a line nowhere inside a document), so that an
unreadable document does not hide mistakes in later ones.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from services.console.manifests.places import Mistake, Path, Place
from services.console.manifests.yaml_errors import describe
from services.console.manifests.yaml_loader import ManifestLoader
from services.console.manifests.yaml_nodes import Flaw, check_nodes, find_expansion

_LINE = re.compile(r"\r\n|\n|\r")
_SEPARATOR = re.compile(r"---(\s|$)")
_PREAMBLE = re.compile(r"\s*([%#].*)?$")
_FORBIDDEN = re.compile("[^\t\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What YAML forbids, and U+0085, U+2028 and U+2029, which YAML 1.1 reads as line breaks and YAML 1.2 does not."""


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a file: its value and the places of its fields."""

    file: str
    value: object
    node: yaml.Node
    offset: int = 0
    """Number of lines in the file before the text that `node` was parsed from."""
    flaws: tuple[Mistake, ...] = ()
    """Mistakes in the names of fields, and in values that YAML cannot read. Of a field given twice, `value` has the
    last."""
    unread: frozenset[Path] = frozenset()
    """Fields of `flaws` whose value in `value` is a stand-in."""

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
        forbidden = _FORBIDDEN.search(piece)
        if forbidden is not None:
            mistakes.append(_forbidden(piece, forbidden.start(), file, offset))
            continue
        try:
            _read_piece(piece, file, offset, documents, mistakes)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            place = _place(file, mark, offset) if mark else Place(file, offset + 1, 1)
            mistakes.append(Mistake(describe(error), place))
    return documents, mistakes


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    """The text split before each `---`, with the number of lines before each piece. Directives go with what follows.

    Files that were joined may have a byte order mark at the beginning of a line; it is not part of the text.
    """
    start, lines = 0, list[str]()
    for number, given in enumerate(_LINE.split(text)):
        line = given.removeprefix("\ufeff")
        if _SEPARATOR.match(line) and not all(_PREAMBLE.match(before) for before in lines):
            yield start, "\n".join(lines)
            start, lines = number, []
        lines.append(line)
    yield start, "\n".join(lines)


def _forbidden(piece: str, at: int, file: str, offset: int) -> Mistake:
    line, column = piece.count("\n", 0, at) + 1 + offset, at - piece.rfind("\n", 0, at)
    message = (
        f"character U+{ord(piece[at]):04X} is not allowed in YAML; remove it, or write it as an escape in double quotes"
    )
    return Mistake(message, Place(file, line, column))


def _read_piece(piece: str, file: str, offset: int, documents: list[Document], mistakes: list[Mistake]) -> None:
    loader = ManifestLoader(piece)
    try:
        while loader.check_node():
            root = loader.get_node()
            assert root is not None
            expansion = find_expansion(root)
            if expansion is not None:
                mistakes.append(_mistake(expansion, file, offset))
                continue
            nodes = root.value if isinstance(root, yaml.SequenceNode) else [root]
            # Check all nodes before constructing any: construction writes merged fields into the nodes.
            for node, checked in [(node, check_nodes(node)) for node in nodes]:
                value = loader.construct_document(node)
                if value is not None:
                    flaws = tuple(_mistake(flaw, file, offset) for flaw in checked.flaws)
                    documents.append(Document(file, value, node, offset, flaws, frozenset(checked.unread)))
    finally:
        loader.dispose()


def _mistake(flaw: Flaw, file: str, offset: int) -> Mistake:
    return Mistake(flaw.message, _place(file, flaw.mark, offset), path=flaw.path)


def _child(node: yaml.Node, part: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    """The key node and value node of a part; of a repeated key, the last."""
    if isinstance(node, yaml.MappingNode):
        return next(((key, value) for key, value in reversed(node.value) if key.value == part), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part], node.value[part]
    return None


def _place(file: str, mark: yaml.Mark, offset: int) -> Place:
    return Place(file, mark.line + 1 + offset, mark.column + 1)
