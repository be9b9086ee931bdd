"""The command push: sends indicators from files to an API source."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress

from services.console.cli.errors import EXIT_REFUSED, complain, guarded
from services.console.cli.options import Output
from services.console.cli.output.forms import Form
from services.console.cli.output.rows import Listing, Row, write
from services.console.cli.remote import Remote, RemoteError, remote
from services.console.ingest.formats import Format
from services.console.ingest.items import MAX_ITEMS, NOT_AN_ITEM, items_of
from services.console.ingest.raw_items import BadBodyError, RawItem
from services.runtime.chunks import chunks

app = typer.Typer()

ATTEMPTS = 20
_REFUSED = Listing(
    ("file", "line", "reason", "detail"), ("index", "field"), lambda row: f"{row['file']}:{row['index']}"
)
_FORMATS = {
    ".csv": Format.CSV,
    ".tsv": Format.CSV,
    ".ndjson": Format.NDJSON,
    ".jsonl": Format.NDJSON,
    ".json": Format.JSON,
}


@app.command()
def push(
    source: Annotated[str, typer.Argument(help="The Connection of type api that reports the indicators.")],
    filename: Annotated[
        list[str], typer.Option("--filename", "-f", metavar="FILE", help="A .json, .ndjson, .csv or .tsv file.")
    ],
    output: Output = Form.TABLE,
) -> None:
    """Push indicators from files to an API source. Accepted ones are stored; the same may be pushed again."""
    stderr = Console(stderr=True)
    bar = Progress(console=stderr, transient=True, disable=not stderr.is_terminal)
    with guarded(), remote() as api, bar:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        accepted, refused, changed = 0, list[Row](), Counter[str]()
        for file in filename:
            items = list(enumerate(_items(file)))
            refused += [
                {"file": file, "index": index, "line": one.line, "reason": NOT_AN_ITEM, "detail": one.flaw}
                for index, one in items if one.flaw is not None
            ]  # fmt: skip
            parts = list(chunks([item for item in items if item[1].flaw is None], MAX_ITEMS))
            for part in bar.track(parts, description=f"pushing {file}"):
                body = json.dumps([_with_last_seen(one.value, now) for _, one in part]).encode()
                answer = _post_with_retries(api, f"/v1/sources/{source}/indicators", body)
                accepted += answer["accepted"]
                details = (one.get("detail") for one in answer["items"] if one["status"] == "accepted")
                changed.update(filter(None, details))
                refused += [
                    {"file": file, **one, "index": part[one["index"]][0], "line": part[one["index"]][1].line}
                    for one in answer["items"] if one["status"] == "refused"
                ]  # fmt: skip
        if refused or output in (Form.JSON, Form.YAML):
            refused.sort(key=lambda row: (filename.index(row["file"]), row["index"]))
            write(refused, _REFUSED, output, {"accepted": accepted, "refused": refused})
        complain(f"{accepted} accepted, {len(refused)} refused")
        for detail, count in changed.items():
            complain(f"{count} of those accepted: {detail}")
        if refused:
            raise typer.Exit(EXIT_REFUSED)


def _items(file: str) -> Iterator[RawItem]:
    try:
        yield from items_of(Path(file).read_bytes(), _format(file))
    except BadBodyError as error:
        raise BadBodyError(f"{file}: {error}") from error


def _format(file: str) -> Format:
    found = _FORMATS.get(Path(file).suffix.lower())
    if found is None:
        raise typer.BadParameter(f"{file}: the name must end in one of {', '.join(_FORMATS)}, which sets the format")
    return found


def _with_last_seen(item: object, now: str) -> object:
    """Add `last_seen` to an item that has none, so that a request that is sent twice has the same content."""
    whole = {"value": item} if isinstance(item, str) else item
    return {"last_seen": now, **whole} if isinstance(whole, dict) else whole


def _post_with_retries(api: Remote, path: str, body: bytes) -> Any:  # noqa: ANN401  # JSON
    """Post a body; repeat it after errors that may pass, since a push is idempotent. Raises RemoteError."""
    for _ in range(ATTEMPTS - 1):
        try:
            return api.post(path, body, Format.JSON)
        except RemoteError as error:
            if not error.again:
                raise
            complain(f"{error}; trying again in {error.after_s:.0f} s")
            time.sleep(error.after_s)
    return api.post(path, body, Format.JSON)
