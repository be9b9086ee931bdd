"""The reference pages are what the code says, and every field that can be configured says what it means."""

from docs.tooling.console import PAGES
from docs.tooling.pages import outdated


def test_the_committed_pages_are_the_generated_ones() -> None:
    assert outdated(PAGES) == [], "run `make docs` and commit the result"


def test_every_field_says_what_it_means() -> None:
    text = next(page.render() for page in PAGES if page.name == "resources.md")
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert [row for row in rows if row.endswith("|  |")] == []
    assert len(rows) > 50
