"""docs/reference/guards.md shows the warning lists that are installed. Run as a module, this brings it up to date."""

from pathlib import Path

from schemas.public_suffixes import MORE_SUFFIXES
from schemas.resources.guard import DEFAULT_LISTS
from schemas.warning_lists import load, names
from services.guards import guard_set
from services.guards.warning_list_index import OWNERS

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "guards.md"
MARK = "the installed release -->\n"


def table() -> str:
    rows = ["| name | title | kind | entries | what for |", "|---|---|---|---|---|"]
    for name in sorted(names()):
        found = load(name)
        notes = [found.type, *(["owners"] if name in OWNERS else []), *(["default"] if name in DEFAULT_LISTS else [])]
        texts = [f"`{name}`", found.name, ", ".join(notes), f"{len(found.list):,}", found.description]
        rows.append("| " + " | ".join(" ".join(text.replace("|", "\\|").split()) for text in texts) + " |")
    return "\n" + "\n".join(rows) + "\n"


def test_the_page_shows_the_installed_lists() -> None:
    _, _, shown = PAGE.read_text(encoding="utf-8").partition(MARK)
    assert shown == table(), "run python -m tests.unit.test_guards_page"


def test_the_page_names_every_reason() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for reason in (guard_set.SPECIAL_ADDRESS, guard_set.PUBLIC_SUFFIX, guard_set.WARNING_LIST, guard_set.ALLOW_LIST):
        assert f"`{reason}`" in text


def test_lists_that_are_spoken_of_exist() -> None:
    assert names() >= {*OWNERS, *DEFAULT_LISTS}
    assert not any(name.startswith(".") for name in MORE_SUFFIXES)


if __name__ == "__main__":
    start, mark, _ = PAGE.read_text(encoding="utf-8").partition(MARK)
    PAGE.write_text(start + mark + table(), encoding="utf-8")
