"""The committed JSON Schemas are those of the models, and no change of a model strands readers or writers unsaid."""

import json
from pathlib import Path
from typing import Any

import pytest

from schemas.compatibility import incompatible_changes
from schemas.duration import parse, render
from schemas.export import FOLDER, RECORDS, RELEASED, json_schema, main, outdated, write

DECISIONS = Path(__file__).parents[2] / "docs" / "decisions"


def test_the_committed_files_are_those_of_the_models() -> None:
    assert outdated() == [], "run `make docs` (or `python -m schemas.export`) and commit the result"


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_stays_compatible_with_the_released_one(name: str) -> None:
    released = RELEASED / f"{name}.json"
    if not released.exists():
        return  # a new record: nobody reads or writes it yet
    found = incompatible_changes(json.loads(released.read_text("utf-8")), json_schema(RECORDS[name]))
    if found and _only_new_versions(found) and _is_decided(name):
        return
    assert found == [], (
        f"{name} would not survive a rolling upgrade. Make the change optional, or raise `v` in the changed model, "
        f"write a decision record that names `{name}` and `v` with the order of the upgrade, and once it is released "
        "run `python -m schemas.export --release`"
    )


def _only_new_versions(found: list[str]) -> bool:
    return all(line.partition(":")[0].split(".")[-1] == "v" for line in found)


def _is_decided(name: str) -> bool:
    return any(f"`{name}`" in text and "`v`" in text for text in (f.read_text("utf-8") for f in DECISIONS.glob("*.md")))


def test_no_released_record_disappears_unsaid() -> None:
    gone = {file.stem for file in RELEASED.glob("*.json")} - RECORDS.keys()
    assert all(_is_decided(name) for name in gone), f"{gone}: write a decision record, then release without them"


def test_every_file_says_which_dialect_it_is_in() -> None:
    schemas: list[dict[str, Any]] = [json.loads(file.read_text("utf-8")) for file in FOLDER.glob("*.json")]
    assert len(schemas) == len(RECORDS)
    assert {schema["$schema"] for schema in schemas} == {"https://json-schema.org/draft/2020-12/schema"}


def test_durations_stand_in_the_schema_as_people_write_them() -> None:
    spec = json.loads((FOLDER / "connection.json").read_text("utf-8"))["$defs"]["DefenderTenant"]["properties"]
    for field in ("aging", "initialRange", "pollInterval"):
        assert render(parse(spec[field]["default"])) == spec[field]["default"]


def test_a_missing_a_changed_and_a_foreign_file_are_told_and_mended(tmp_path: Path) -> None:
    write(tmp_path)
    assert outdated(tmp_path) == []
    (tmp_path / "rule.json").unlink()
    (tmp_path / "reply.json").write_text("{}")
    (tmp_path / "rumour.json").write_text("{}")
    assert outdated(tmp_path) == [
        "rule.json is missing",
        "rumour.json belongs to no record",
        "reply.json differs from the model",
    ]
    write(tmp_path)
    assert outdated(tmp_path) == []


def test_the_command_says_whether_all_is_well() -> None:
    assert main(["--check"]) == 0
