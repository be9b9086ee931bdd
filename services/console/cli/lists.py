"""Commands that list from the read model, through the API: indicators, activity, sharings."""

from collections.abc import Iterator
from itertools import islice
from typing import Annotated, Any

import typer

from schemas.level import Level
from schemas.types import Family, IndicatorType, Severity
from services.console.cli.errors import guarded
from services.console.cli.options import Limit, Output
from services.console.cli.output.forms import Form
from services.console.cli.output.rows import Listing, Row, write
from services.console.cli.output.targets import readable
from services.console.cli.output.when import show
from services.console.cli.remote import Remote, remote

app = typer.Typer()

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


@app.command()
def indicators(  # noqa: PLR0917  # one argument for each filter
    search: Annotated[str, typer.Argument(help="Words of the value; the last one may be incomplete.")] = "",
    type_: Annotated[list[IndicatorType] | None, typer.Option("--type", help="May be repeated.")] = None,
    family: Annotated[Family | None, typer.Option(help="url (also domains and addresses) or hash.")] = None,
    severity: Annotated[Severity | None, typer.Option(help="This severity or higher.")] = None,
    active: Annotated[bool | None, typer.Option("--active/--inactive", help="Only active, or only inactive.")] = None,
    source: Annotated[str | None, typer.Option(help="Only reported by this source.")] = None,
    tag: Annotated[str | None, typer.Option(help="Only with this tag.")] = None,
    destination: Annotated[str | None, typer.Option(help="Only with an entry at this destination.")] = None,
    target: Annotated[str | None, typer.Option(help="Only with an entry there: url-list:Blocked by us.")] = None,
    state: Annotated[
        str | None, typer.Option(help="pending, applied, rejected, skipped, held, failed, withdrawing or released.")
    ] = None,
    since: Annotated[str | None, typer.Option(help="Only last seen since: how long ago (7d), or a time.")] = None,
    limit: Limit = 100,
    output: Output = Form.TABLE,
) -> None:
    """List and search indicators, with the state of each of their entries at targets."""
    filters: dict[str, object] = {
        "q": search, "type": type_, "family": family, "severity": severity, "active": active, "source": source,
        "tag": tag, "destination": destination, "target": target, "state": state, "since": since,
    }  # fmt: skip
    with guarded(), remote() as api:
        found = list(islice(_pages(api, "/v1/indicators", "cursor", filters, limit), limit))
        write([_indicator(row) for row in found], _INDICATORS, output, found)


@app.command()
def activity(  # noqa: PLR0917
    level: Annotated[Level | None, typer.Option(help="Only this level.")] = None,
    code: Annotated[str | None, typer.Option(help="Only this code.")] = None,
    service: Annotated[str | None, typer.Option(help="Only this service.")] = None,
    connection: Annotated[str | None, typer.Option(help="Only about this connection.")] = None,
    limit: Limit = 50,
    output: Output = Form.TABLE,
) -> None:
    """List what services reported, the latest first: skips, holds, rejections, faults and changes by people."""
    filters: dict[str, object] = {"level": level, "code": code, "service": service, "connection": connection}
    with guarded(), remote() as api:
        found = list(islice(_pages(api, "/v1/activity", "before", filters, limit), limit))
        rows = [{**row, "at": show(row["at"]), "counts": _pairs(row["counts"])} for row in found]
        write(rows, _ACTIVITY, output, found)


@app.command()
def sharings(output: Output = Form.TABLE) -> None:
    """List sharings with how many of their entries are in which state."""
    with guarded(), remote() as api:
        found = api.get("/v1/sharings")["items"]
        rows = [
            {
                **row,
                "in_force": _in_force(row),
                "states": [f"{one['state']}{_reason(one)} {one['count']}" for one in row["counts"]],
            }
            for row in found
        ]
        write(rows, _SHARINGS, output, found)


def _pages(api: Remote, path: str, cursor: str, filters: dict[str, object], limit: int) -> Iterator[dict[str, Any]]:
    following: object = None
    while True:
        page = api.get(path, **filters, limit=min(limit, _PAGE), **{cursor: following})
        yield from page["items"]
        following = page["next"]
        if following is None:
            return


def _indicator(row: dict[str, Any]) -> Row:
    shared = [f"{one['destination']}/{readable(one['target'])} {one['state']}{_reason(one)}" for one in row["shared"]]
    moments = {name: show(row[name]) for name in ("first_seen", "last_seen", "expires_at")}
    return {**row, **moments, "shared": shared}


def _reason(one: dict[str, Any]) -> str:
    return f" ({one['reason']})" if one["reason"] else ""


def _in_force(row: dict[str, Any]) -> str:
    return "yes" if row["in_force"] else f"no: {'; '.join(row['why'])}" if row["why"] else "no"


def _pairs(counts: dict[str, int]) -> list[str]:
    return [f"{name} {count}" for name, count in counts.items()]
