"""The reference pages say what the code does, every metric, setting, topic and field with its meaning."""

from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from docs.tooling.pages import FOLDER, Page, main, outdated, table, write
from docs.tooling.reference import PAGES
from services.runtime.observability.metrics import DEFINITIONS, PREFIX


def test_the_pages_are_up_to_date() -> None:
    assert outdated(PAGES) == [], "run `make docs` and commit the result"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_row_ends_with_a_meaning_or_a_reader(page: Page) -> None:
    rows = [line for line in page.render().splitlines() if line.startswith("| `")]
    assert rows
    assert [row for row in rows if row.endswith("| – |")] == []


def test_every_metric_of_ours_is_on_the_page_with_its_labels() -> None:
    registered = {family.name: family for family in REGISTRY.collect() if family.name.startswith(PREFIX)}
    defined = {found.name.removesuffix("_total").removesuffix("_info"): found for found in DEFINITIONS}
    assert registered.keys() == defined.keys()
    assert {name: family.type for name, family in registered.items()} == {n: d.kind for n, d in defined.items()}


def test_a_changed_page_is_told_and_mended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = Page("a.md", "A", "here", lambda: table(["x", "y"], [["a|b", ""]]))
    assert outdated([page], tmp_path) == ["a.md"]
    write([page], tmp_path)
    assert outdated([page], tmp_path) == []
    assert (tmp_path / "a.md").read_text("utf-8").splitlines()[4:] == ["| x | y |", "| --- | --- |", "| a\\|b | – |"]
    assert main([page], ["--check"]) == 1, "it is not in docs/reference"
    assert "docs/reference/a.md is outdated: run `make docs`" in capsys.readouterr().err
    assert not (FOLDER / "a.md").exists()
