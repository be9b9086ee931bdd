"""The commands test, diff and sync: what would change at targets, and sending everything again."""

from typing import Annotated

import typer

from schemas.request import RequestVerb
from services.console.cli.errors import guarded
from services.console.cli.options import FILES_HELP, Lines, Output, Since, Timeout
from services.console.cli.output.forms import Form
from services.console.cli.output.when import since as moment
from services.console.cli.router_answers import ask_router, records_of, report_answer
from services.console.queries.requests import Question
from services.runtime.settings import load_settings

EXIT_DIFFERS = 4
app = typer.Typer()


@app.command("test")
def trial(
    sharing: Annotated[str, typer.Argument(help="Name of the sharing.")],
    filename: Annotated[
        list[str] | None, typer.Option("--filename", "-f", metavar="FILE", help=f"As if applied. {FILES_HELP}")
    ] = None,
    *,
    since: Since = None,
    lines: Lines = 0,
    timeout: Timeout = 60.0,
    output: Output = Form.TABLE,
) -> None:
    """Show what a sharing would send: counts by type, bytes for lists, and skipped entries by reason."""
    with guarded():
        settings = load_settings()
        resources = records_of(settings, filename or [])
        question = Question(RequestVerb.TEST, sharing, since=moment(since), resources=resources, lines=lines)
        report_answer(ask_router(settings, question, timeout), output)


@app.command()
def diff(
    filename: Annotated[list[str], typer.Option("--filename", "-f", metavar="FILE", help=FILES_HELP)],
    lines: Lines = 100,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit with code 4 if anything would change.")] = False,
    timeout: Timeout = 60.0,
    output: Output = Form.TABLE,
) -> None:
    """Show what applying files would change at each target, as counts and entry by entry. Nothing is applied."""
    with guarded():
        settings = load_settings()
        answer = ask_router(
            settings, Question(RequestVerb.DIFF, resources=records_of(settings, filename), lines=lines), timeout
        )
        report_answer(answer, output)
        if exit_code and answer.tallies:
            raise typer.Exit(EXIT_DIFFERS)


@app.command()
def sync(
    sharing: Annotated[str | None, typer.Argument(help="Only this sharing. Without it: all of them.")] = None,
    since: Since = None,
    timeout: Timeout = 60.0,
    output: Output = Form.TABLE,
) -> None:
    """Send all desired entries again, also those that are recorded as applied."""
    with guarded():
        settings = load_settings()
        report_answer(
            ask_router(settings, Question(RequestVerb.SYNC, sharing, since=moment(since), lines=0), timeout), output
        )
