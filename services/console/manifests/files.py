"""Reads what `-f` names: a file, `-` for standard input, or a folder with its YAML and JSON files at any depth."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from services.console.manifests.documents import Document, read_text
from services.console.manifests.places import Mistake, Place

STDIN = "-"
SUFFIXES = (".yaml", ".yml", ".json")


def read_files(names: Sequence[str]) -> tuple[list[Document], list[Mistake]]:
    """The documents of all files, and every mistake in their text."""
    documents: list[Document] = []
    mistakes: list[Mistake] = []
    for name in names:
        for file in _files(name, mistakes):
            if (text := _text(file, mistakes)) is not None:
                found, wrong = read_text(text, file)
                documents += found
                mistakes += wrong
    if not documents and not mistakes:
        mistakes.append(Mistake("holds no resource", Place(" ".join(names))))
    return documents, mistakes


def _files(name: str, mistakes: list[Mistake]) -> Iterator[str]:
    folder = Path(name)
    if name == STDIN or not folder.is_dir():
        yield name
        return
    files = sorted(path for path in folder.rglob("*") if path.suffix in SUFFIXES and not _hidden(path, folder))
    if not files:
        mistakes.append(Mistake(f"there is no {', '.join(SUFFIXES)} file in this folder", Place(name)))
    yield from map(str, files)


def _hidden(path: Path, folder: Path) -> bool:
    """Whether a path is below a dot folder. A mounted ConfigMap has each file there and as a link to it."""
    return not path.is_file() or any(part.startswith(".") for part in path.relative_to(folder).parts)


def _text(file: str, mistakes: list[Mistake]) -> str | None:
    try:
        raw = sys.stdin.buffer.read() if file == STDIN else Path(file).read_bytes()
        return raw.decode("utf-8-sig")
    except OSError as error:
        mistakes.append(Mistake(f"cannot be read: {error.strerror}", Place(file)))
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8-sig")
        place = Place(file, before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)
        mistakes.append(Mistake("is not UTF-8 text; save it as UTF-8", place))
    return None
