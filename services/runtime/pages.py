"""Reference pages made from code: rendered as a whole, written by `make docs`, and held against the code by a test.

A room that has pages lists them as `PAGES` in a module of its own and calls `main` with them.
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "docs" / "reference"


@dataclass(frozen=True, slots=True)
class Page:
    """One page. `name` is the file's, `source` where in the code its content stands, `body` renders it."""

    name: str
    title: str
    source: str
    body: Callable[[], str]

    def render(self) -> str:
        """The whole text of the page."""
        made = f"<!-- Made from {self.source} by `make docs`; change it there. -->"
        return f"# {self.title}\n\n{made}\n\n{self.body().strip()}\n"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table. An empty cell becomes a dash."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split()) or "–"


def outdated(pages: Iterable[Page], folder: Path = FOLDER) -> list[str]:
    """The names of the pages that do not stand in the folder as the code has them."""
    files = ((page, folder / page.name) for page in pages)
    return [page.name for page, file in files if not file.exists() or file.read_text("utf-8") != page.render()]


def write(pages: Iterable[Page], folder: Path = FOLDER) -> None:
    """Put the pages into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for page in pages:
        (folder / page.name).write_text(page.render(), "utf-8")


def main(pages: Sequence[Page], arguments: Sequence[str] | None = None) -> int:
    """Write the pages, or with `--check` compare them; the exit code is 1 when one is outdated."""
    parser = argparse.ArgumentParser(description="reference pages made from code")
    parser.add_argument("--check", action="store_true", help="compare and change nothing")
    if not parser.parse_args(arguments).check:
        write(pages)
        return 0
    old = outdated(pages)
    sys.stderr.writelines(f"docs/reference/{name} is outdated: run `make docs` and commit the result\n" for name in old)
    return int(bool(old))
