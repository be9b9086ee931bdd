"""Exports the JSON Schemas of records, for readers in other languages and for the compatibility test.

`python -m schemas.export` writes schemas/json/<name>.json; `--check` compares instead; `--release` also writes them to
schemas/json/released, which later changes are compared with. `RECORDS` lists everything that is exported.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from schemas.activity import Activity
from schemas.checkpoint import Checkpoint, SnapshotChunk
from schemas.connection_state import ConnectionState
from schemas.deadletter import DeadLetter
from schemas.desired import Applied, Desired
from schemas.duration import render as render_duration
from schemas.hold import Hold
from schemas.indicator import Indicator
from schemas.progress import Progress
from schemas.refusal import Refusal
from schemas.report import ReportBatch
from schemas.request import Reply, Request
from schemas.resolution import Resolution
from schemas.resources import KINDS
from schemas.spent import Spent

RECORDS: Mapping[str, type[BaseModel]] = {
    "report-batch": ReportBatch,
    "indicator": Indicator,
    "progress": Progress,
    **{kind.lower(): resource for kind, resource in KINDS.items()},
    "desired": Desired,
    "applied": Applied,
    "request": Request,
    "reply": Reply,
    "checkpoint": Checkpoint,
    "snapshot-chunk": SnapshotChunk,
    "activity": Activity,
    "dead-letter": DeadLetter,
    "resolution": Resolution,
    "hold": Hold,
    "connection-state": ConnectionState,
    "spent": Spent,
    "refusal": Refusal,
}
"""Every exported record, by the name of its file."""

FOLDER = Path(__file__).parent / "json"
RELEASED = FOLDER / "released"
DIALECT = "https://json-schema.org/draft/2020-12/schema"


class _Generate(GenerateJsonSchema):
    def encode_default(self, dft: object) -> object:
        """A default in our form: durations as `5m` instead of ISO 8601."""
        return render_duration(dft) if isinstance(dft, timedelta) else super().encode_default(dft)


def json_schema(record: type[BaseModel]) -> dict[str, Any]:
    """The JSON Schema of a record, with the field names used on the wire."""
    return {"$schema": DIALECT, **record.model_json_schema(schema_generator=_Generate)}


def render(record: type[BaseModel]) -> str:
    """The content of a record's schema file."""
    return json.dumps(json_schema(record), indent=2, ensure_ascii=False) + "\n"


def outdated(folder: Path = FOLDER) -> list[str]:
    """Files of the folder that are missing, superfluous or outdated, one line each."""
    files = {f"{name}.json": render(record) for name, record in RECORDS.items()}
    present = {file.name: file.read_text("utf-8") for file in folder.glob("*.json")}
    return [
        *(f"{name} is missing" for name in sorted(files.keys() - present.keys())),
        *(f"{name} belongs to no record" for name in sorted(present.keys() - files.keys())),
        *(f"{name} differs from the model" for name, text in files.items() if present.get(name, text) != text),
    ]


def write(folder: Path = FOLDER) -> None:
    """Write the folder's files, and delete those of no record."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in folder.glob("*.json"):
        if file.stem not in RECORDS:
            file.unlink()
    for name, record in RECORDS.items():
        (folder / f"{name}.json").write_text(render(record), "utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the files. The exit code is 1 if a checked file is outdated."""
    parser = argparse.ArgumentParser(prog="python -m schemas.export", description="JSON Schemas of records")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--check", action="store_true", help="compare and change nothing")
    mode.add_argument("--release", action="store_true", help="compare later changes with the current schemas")
    chosen = parser.parse_args(arguments)
    if chosen.check:
        if lines := outdated():
            sys.stderr.write("\n".join([*lines, "run `python -m schemas.export` and commit the result", ""]))
        return int(bool(lines))
    write()
    if chosen.release:
        write(RELEASED)
    return 0


if __name__ == "__main__":
    sys.exit(main())
