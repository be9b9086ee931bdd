"""Whoever follows a link in the README or in docs/ arrives: the file is there, and so is the section."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs.tooling.pages import anchor, contents

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)")
HEAD = re.compile(r"^#+ (.+)$", re.MULTILINE)


def text(page: Path) -> str:
    return FENCE.sub("", page.read_text("utf-8"))


def broken(page: Path) -> Iterator[str]:
    for name, place in LINK.findall(text(page)):
        target = page.parent / name if name else page
        if not target.exists():
            yield f"{name} does not exist"
        elif place and place not in map(anchor, HEAD.findall(text(target))):
            yield f"{name}#{place} is no section"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    assert list(broken(page)) == []


def test_long_pages_begin_with_their_sections() -> None:
    long = [page for page in PAGES if page.read_text("utf-8").count("\n") > 120 and contents(text(page))]
    assert [page.name for page in long if "\nOn this page: " not in page.read_text("utf-8")] == []
