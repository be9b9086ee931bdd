"""The command push: indicators from files to an API source."""

import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.progress import Progress

from services.console.cli.errors import EXIT_REFUSED, complain, guarded
from services.console.cli.options import Output
from services.console.cli.output.forms import Form
from services.console.cli.output.rows import Listing, Row, write
from services.console.cli.remote import Remote, RemoteError, remote
from services.console.ingest.items import MAX_ITEMS, Format, items_of
from services.runtime.chunks import chunks

app = typer.Typer()

ATTEMPTS = 20
_REFUSED = Listing(("file", "index", "reason", "detail"), (), lambda row: f"{row['file']}:{row['index']}")
_FORMATS = {".csv": Format.CSV, ".ndjson": Format.NDJSON, ".jsonl": Format.NDJSON, ".json": Format.JSON}


@app.command()
def push(
    source: Annotated[str, typer.Argument(help="The Connection of type api that the indicators come from.")],
    filename: Annotated[
        list[str], typer.Option("--filename", "-f", metavar="FILE", help="A .json, .ndjson or .csv file.")
    ],
    output: Output = Form.TABLE,
) -> None:
    """Push indicators from files to an API source. What is accepted is safe; the same may be pushed again."""
    stderr = Console(stderr=True)
    bar = Progress(console=stderr, transient=True, disable=not stderr.is_terminal)
    with guarded(), remote() as api, bar:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        accepted, refused, changed = 0, list[Row](), Counter[str]()
        for file in filename:
            items = [_seen(item, now) for item in items_of(Path(file).read_bytes(), _format(file))]
            parts = list(enumerate(chunks(items, MAX_ITEMS)))
            for number, part in bar.track(parts, description=f"pushing {file}"):
                answer = _patiently(api, f"/v1/sources/{source}/indicators", orjson.dumps(part))
                accepted += answer["accepted"]
                taken = (one.get("detail") for one in answer["items"] if one["status"] == "accepted")
                changed.update(filter(None, taken))
                refused += [
                    {"file": file, **one, "index": number * MAX_ITEMS + one["index"]}
                    for one in answer["items"] if one["status"] == "refused"
                ]  # fmt: skip
        if refused or output in (Form.JSON, Form.YAML):
            write(refused, _REFUSED, output, {"accepted": accepted, "refused": refused})
        complain(f"{accepted} accepted, {len(refused)} refused")
        for detail, count in changed.items():
            complain(f"{count} of those accepted: {detail}")
        if refused:
            raise typer.Exit(EXIT_REFUSED)


def _format(file: str) -> Format:
    found = _FORMATS.get(Path(file).suffix.lower())
    if found is None:
        raise typer.BadParameter(f"{file}: its name must end in {', '.join(_FORMATS)}, which says how to read it")
    return found


def _seen(item: object, now: str) -> object:
    """An item with when it was seen, so that a request that is sent twice says the same twice."""
    if isinstance(item, Exception):
        raise item
    said = {"value": item} if isinstance(item, str) else item
    return {"last_seen": now, **said} if isinstance(said, dict) else said


def _patiently(api: Remote, path: str, body: bytes) -> Any:  # noqa: ANN401  # JSON
    """Push, and again where that may help: a push may be repeated."""
    for _ in range(ATTEMPTS - 1):
        try:
            return api.post(path, body, Format.JSON)
        except RemoteError as error:
            if not error.again:
                raise
            complain(f"{error}; trying again in {error.after_s:.0f} s")
            time.sleep(error.after_s)
    return api.post(path, body, Format.JSON)
