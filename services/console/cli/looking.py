"""The verbs that look into the read model: arguments and help. They speak to the API: see IOC_BRIDGE_API_URL."""

from typing import Annotated

import typer

from schemas.level import Level
from schemas.types import Family, IndicatorType, Severity
from services.console.cli.asking import Output
from services.console.cli.output.forms import Form

Limit = Annotated[int, typer.Option("--limit", min=1, help="Rows at most.")]


def indicators(  # noqa: PLR0917  # what can be filtered by
    search: Annotated[str, typer.Argument(help="Words of the value; the last may be a beginning.")] = "",
    type_: Annotated[list[IndicatorType] | None, typer.Option("--type", help="May be repeated.")] = None,
    family: Annotated[Family | None, typer.Option(help="url (domains, addresses too) or hash.")] = None,
    severity: Annotated[Severity | None, typer.Option(help="At least this severe.")] = None,
    active: Annotated[bool | None, typer.Option("--active/--inactive", help="Only those that are, or are not.")] = None,
    source: Annotated[str | None, typer.Option(help="Reported by this source.")] = None,
    tag: Annotated[str | None, typer.Option(help="With this tag.")] = None,
    destination: Annotated[str | None, typer.Option(help="Shared, or not for a reason, there.")] = None,
    target: Annotated[str | None, typer.Option(help="The same, in this target: url-list:Blocked by us.")] = None,
    state: Annotated[
        str | None, typer.Option(help="pending, applied, rejected, skipped, held, failed, withdrawing or released.")
    ] = None,
    since: Annotated[str | None, typer.Option(help="Last seen since: how long ago (7d), or a time.")] = None,
    limit: Limit = 100,
    output: Output = Form.TABLE,
) -> None:
    """List and search indicators, with where they are shared and what became of them there."""
    from services.console.doing import looking

    asked: dict[str, object] = {
        "q": search, "type": type_, "family": family, "severity": severity, "active": active, "source": source,
        "tag": tag, "destination": destination, "target": target, "state": state, "since": since,
    }  # fmt: skip
    looking.indicators(asked, limit, output)


def activity(  # noqa: PLR0917
    level: Annotated[Level | None, typer.Option(help="Only this level.")] = None,
    code: Annotated[str | None, typer.Option(help="Only this code.")] = None,
    service: Annotated[str | None, typer.Option(help="Only this service.")] = None,
    connection: Annotated[str | None, typer.Option(help="Only about this connection.")] = None,
    limit: Limit = 50,
    output: Output = Form.TABLE,
) -> None:
    """List what services told, the latest first: skips, holds, rejections, faults, and who changed what."""
    from services.console.doing import looking

    asked: dict[str, object] = {"level": level, "code": code, "service": service, "connection": connection}
    looking.activity(asked, limit, output)


def sharings(output: Output = Form.TABLE) -> None:
    """List sharings with how many of their entries are in which state."""
    from services.console.doing import looking

    looking.sharings(output)


def add_to(app: typer.Typer) -> None:
    """Add the verbs to a command line."""
    for verb in (indicators, activity, sharings):
        app.command()(verb)
