"""The reference pages are what the code says, and every field that can be configured says what it means."""

import pytest

from services.console.reference import FOLDER, pages


@pytest.mark.parametrize("name", pages())
def test_the_committed_page_is_the_generated_one(name: str) -> None:
    committed = (FOLDER / name).read_text(encoding="utf-8")
    assert committed == pages()[name], "run `python -m services.console.reference` and commit what it writes"


def test_every_field_says_what_it_means() -> None:
    rows = [line for line in pages()["resources.md"].splitlines() if line.startswith("| `")]
    assert [row for row in rows if row.endswith("|  |")] == []
    assert len(rows) > 50
