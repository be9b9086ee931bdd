"""What the verbs on rejected entries do: arguments in, a few calls of the API, rows out."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import typer

from services.console.cli.editor import in_editor, kept
from services.console.cli.errors import EXIT_REFUSED, complain, guarded
from services.console.cli.output.forms import Form
from services.console.cli.output.rows import Listing, write
from services.console.cli.output.when import age, show
from services.console.cli.remote import RemoteError, remote
from services.console.deadletters.edits import UnfitError, changed, parsed, pretty
from services.runtime.chunks import chunks

_REJECTED = Listing(
    ("destination", "target", "indicator", "age", "code", "detail"), ("at", "attempts", "sharings", "id"),
    lambda row: str(row["id"]), none="nothing is rejected",
)  # fmt: skip
_AT_ONCE = 1_000
"""Ids in one request."""


def list_(destination: str | None, code: str | None, limit: int, form: Form) -> None:
    """What vendors rejected."""
    with guarded(), remote() as api:
        found = api.get("/v1/rejected", destination=destination, code=code, limit=limit)
        only = _REJECTED if destination is code is None else replace(_REJECTED, none="nothing rejected fits that")
        rows = [{**row, "age": age(row["at"]), "at": show(row["at"])} for row in found["items"]]
        write(rows, only, form, found["items"])
        if found["more"]:
            complain(f"there are more than these {limit}; see --limit")


def retry(names: Sequence[str], destination: str | None, code: str | None) -> None:
    """Try entries again: those named, or all. Raises typer.Exit where some are not tried."""
    with guarded(), remote() as api:
        asked: list[dict[str, object]] = [{"ids": list(part)} for part in chunks(names, _AT_ONCE)]
        answers = [
            api.post("/v1/rejected/retry", orjson.dumps(question), "application/json")
            for question in asked or [{"all": True, "destination": destination, "code": code}]
        ]
        items = [item for answer in answers for item in answer["items"]]
        for one in items:
            if one["done"]:
                typer.echo(f"{one['id']} is tried again")
            else:
                complain(f"{one['id']} is left as it is ({one['why']}): {one['detail']}")
        if not items:
            complain("nothing is rejected")
        if any(answer["more"] for answer in answers):
            complain("there are more; do it again")
        if not all(one["done"] for one in items):
            raise typer.Exit(EXIT_REFUSED)


def edit(name: str, source: str, file: str | None, settings: Sequence[str]) -> None:
    """Correct an entry: push its indicator as it should be, in the name of a source."""
    with guarded(), remote() as api:
        said: dict[str, Any]
        text = None
        if file:
            said = parsed(sys.stdin.read() if file == "-" else Path(file).read_text("utf-8"))
        else:
            before = orjson.dumps(api.get("/v1/rejected/item", id=name))
            if settings:
                said = changed(before, settings)
            else:
                text = in_editor(pretty(before))
                if text is None:
                    complain("nothing was changed in the editor, and nothing was pushed")
                    raise typer.Exit
        try:
            if text is not None:
                said = parsed(text)
            done = api.post("/v1/rejected/correct", orjson.dumps(said), "application/json", id=name, source=source)
        except (UnfitError, RemoteError) as error:
            if text is None:
                raise
            raise UnfitError(f"{error}\n{kept(text)}") from error
        typer.echo(f"{done['id']} is reported by {source}")
        complain("it is merged with what others say of it" if done["same"] else _OTHER.format(name=name))


_OTHER = (
    "that is another indicator; {name} stays rejected for as long as its sources hold it for bad. To keep it from "
    "being shared, name it in allow.values of a Guard"
)
