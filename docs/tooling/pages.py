"""Reference pages made from code: rendered as a whole, written by `make docs`, and held against the code by a test.

A room that has pages lists them as `PAGES` in a module of its own and calls `main` with them.
"""

import argparse
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

_MANY = 6
"""Sections from which on a page begins with links to them."""
_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
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
        body = self.body().strip()
        parts = (f"# {self.title}", made, contents(body), body)
        return "\n\n".join(part for part in parts if part) + "\n"


def contents(body: str) -> str:
    """Links to the sections of a page, as GitHub names their places; empty where there are only a few."""
    heads = re.findall(r"^## (.+)$", _FENCE.sub("", body), re.MULTILINE)
    links = ", ".join(f"[{head}](#{anchor(head)})" for head in heads)
    return f"On this page: {links}." if len(heads) >= _MANY else ""


def anchor(head: str) -> str:
    """The place of a heading: lower case, dashes for blanks, and nothing but letters, digits and these."""
    return re.sub(r"[^\w -]", "", head.strip().lower()).replace(" ", "-")


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
