"""What the verbs do that look into the read model, push, and check: arguments in, a few calls, rows out."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
import typer
from rich.console import Console
from rich.progress import Progress

from services.console.audit import user
from services.console.cli.errors import EXIT_REFUSED, complain, guarded
from services.console.cli.output.forms import Form
from services.console.cli.output.rows import Listing, Row, write
from services.console.cli.output.targets import readable
from services.console.cli.output.when import show
from services.console.cli.remote import Remote, RemoteError, remote
from services.console.ingest.items import MAX_ITEMS, Format, items_of
from services.console.preflight import check as findings
from services.console.resources.operations import Operations, select
from services.runtime.chunks import chunks
from services.runtime.settings import load_settings

ATTEMPTS = 20
_PAGE = 1_000

_INDICATORS = Listing(
    ("type", "value", "severity", "active", "last_seen", "sources", "shared"),
    ("reputation", "first_seen", "expires_at", "hits", "tags"), lambda row: str(row["id"]),
)  # fmt: skip
_SHARINGS = Listing(
    ("name", "source", "rule", "destination", "targets", "in_force", "waits", "entries", "states"), (),
    lambda row: f"Sharing/{row['name']}",
)  # fmt: skip
_ACTIVITY = Listing(
    ("at", "level", "service", "connection", "code", "message", "remedy"), ("counts",), lambda row: str(row["num"])
)
_CHECKS = Listing(("connection", "what", "result", "text"), (), lambda row: f"{row['connection']}/{row['result']}")
_REFUSED = Listing(("file", "index", "reason", "detail"), (), lambda row: f"{row['file']}:{row['index']}")
_FORMATS = {".csv": Format.CSV, ".ndjson": Format.NDJSON, ".jsonl": Format.NDJSON, ".json": Format.JSON}


def indicators(asked: dict[str, object], limit: int, form: Form) -> None:
    """Indicators of the read model."""
    with guarded(), remote() as api:
        found = list(islice(_pages(api, "/v1/indicators", "cursor", asked, limit), limit))
        write([_indicator(row) for row in found], _INDICATORS, form, found)


def activity(asked: dict[str, object], limit: int, form: Form) -> None:
    """What services told."""
    with guarded(), remote() as api:
        found = list(islice(_pages(api, "/v1/activity", "before", asked, limit), limit))
        rows = [{**row, "at": show(row["at"]), "counts": _pairs(row["counts"])} for row in found]
        write(rows, _ACTIVITY, form, found)


def sharings(form: Form) -> None:
    """Sharings with what became of their entries."""
    with guarded(), remote() as api:
        found = api.get("/v1/sharings")["items"]
        rows = [
            {
                **row,
                "in_force": _in_force(row),
                "states": [f"{one['state']}{_because(one)} {one['count']}" for one in row["counts"]],
            }
            for row in found
        ]
        write(rows, _SHARINGS, form, found)


def check(names: Sequence[str], form: Form) -> None:
    """Every connection against the live API of its vendor.

    Raises:
        typer.Exit: something is wrong.

    """
    with guarded():
        on = Operations(load_settings(), user()).snapshot()
        select(on, ["Connection"], names)
        found = list(findings(on.policy, names))
        rows = [
            {"connection": one.connection, "what": one.what, "result": "ok" if one.ok else "failed", "text": one.text}
            for one in found
        ]
        write(rows, _CHECKS, form)
        if not all(one.ok for one in found):
            raise typer.Exit(EXIT_REFUSED)


def push(source: str, files: Sequence[str], form: Form) -> None:
    """Push what is in files, in requests of the size that is taken.

    Raises:
        typer.Exit: an item was refused.

    """
    stderr = Console(stderr=True)
    bar = Progress(console=stderr, transient=True, disable=not stderr.is_terminal)
    with guarded(), remote() as api, bar:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        accepted, refused, changed = 0, list[Row](), Counter[str]()
        for file in files:
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
        if refused or form in (Form.JSON, Form.YAML):
            write(refused, _REFUSED, form, {"accepted": accepted, "refused": refused})
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


def _pages(api: Remote, path: str, cursor: str, asked: dict[str, object], limit: int) -> Iterator[dict[str, Any]]:
    following: object = None
    while True:
        page = api.get(path, **asked, limit=min(limit, _PAGE), **{cursor: following})
        yield from page["items"]
        following = page["next"]
        if following is None:
            return


def _indicator(row: dict[str, Any]) -> Row:
    shared = [f"{one['destination']}/{readable(one['target'])} {one['state']}{_because(one)}" for one in row["shared"]]
    moments = {name: show(row[name]) for name in ("first_seen", "last_seen", "expires_at")}
    return {**row, **moments, "shared": shared}


def _because(one: dict[str, Any]) -> str:
    return f" ({one['reason']})" if one["reason"] else ""


def _in_force(row: dict[str, Any]) -> str:
    return "yes" if row["in_force"] else f"no: {'; '.join(row['why'])}" if row["why"] else "no"


def _pairs(counts: dict[str, int]) -> list[str]:
    return [f"{name} {count}" for name, count in counts.items()]
