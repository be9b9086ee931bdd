"""The verbs that ask the router: arguments and help. What they do is imported when one runs."""

from typing import Annotated

import typer

from services.console.cli.output.forms import Form
from services.console.cli.resources import FILES_HELP

Output = Annotated[Form, typer.Option("--output", "-o", help="How to write it.")]
Since = Annotated[
    str | None, typer.Option(help="Only what was last seen since: how long ago (4h, 7d) or a time. None: all time.")
]
Lines = Annotated[int, typer.Option(min=0, max=1000, help="Entries to list, of each of the router's partitions.")]
Timeout = Annotated[float, typer.Option(min=0.1, help="How long to wait for the router, seconds.")]
HoldIds = Annotated[list[str], typer.Argument(metavar="HOLD", help="Ids of holds, as `holds` shows them.")]


def trial(
    sharing: Annotated[str, typer.Argument(help="Its name.")],
    filename: Annotated[
        list[str] | None, typer.Option("--filename", "-f", metavar="FILE", help=f"As if applied. {FILES_HELP}")
    ] = None,
    *,
    since: Since = None,
    lines: Lines = 0,
    timeout: Timeout = 60.0,
    output: Output = Form.TABLE,
) -> None:
    """Say what a sharing would send: counts by type, bytes for lists, and what is skipped for which reason."""
    from services.console.doing import asking

    asking.trial(sharing, filename or [], since, lines, output, timeout_s=timeout)


def diff(
    filename: Annotated[list[str], typer.Option("--filename", "-f", metavar="FILE", help=FILES_HELP)],
    lines: Lines = 100,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="End with 4 where anything would change.")] = False,
    timeout: Timeout = 60.0,
    output: Output = Form.TABLE,
) -> None:
    """Say what applying files would change at each target, by counts and one by one. Nothing is applied."""
    from services.console.doing import asking

    asking.diff(filename, lines, timeout, output, exit_code=exit_code)


def sync(
    sharing: Annotated[str | None, typer.Argument(help="Only what this sharing wants. None: every sharing.")] = None,
    since: Since = None,
    timeout: Timeout = 60.0,
    output: Output = Form.TABLE,
) -> None:
    """Write again what targets should hold, whatever they are believed to hold."""
    from services.console.doing import asking

    asking.sync(sharing, since, timeout, output)


def explain(
    value: Annotated[str, typer.Argument(help="An indicator, in any spelling, or its id.")],
    timeout: Timeout = 60.0,
    output: Output = Form.TABLE,
) -> None:
    """Say why an indicator is, or is not, at each target, and what the vendors said."""
    from services.console.doing import asking

    asking.explaining(value, timeout, output)


def guard_trial(
    values: Annotated[list[str], typer.Argument(metavar="VALUE", help="Indicators, in any spelling, or their ids.")],
    filename: Annotated[
        list[str] | None, typer.Option("--filename", "-f", metavar="FILE", help=f"As if applied. {FILES_HELP}")
    ] = None,
    connection: Annotated[str | None, typer.Option(help="Only the guards of this connection. None: of each.")] = None,
    output: Output = Form.TABLE,
) -> None:
    """Say what guards would keep back, by which entry of which guard, and which entries come near and do not cover it.

    It asks the code that routes, and needs no router. Values that no source has reported can be asked about as well.
    """
    from services.console.doing import guarding

    guarding.guard_trial(values, filename or [], connection, output)


def holds(output: Output = Form.TABLE) -> None:
    """List what guards hold until a person has looked at it."""
    from services.console.doing import asking

    asking.holds(output)


def confirm(hold: HoldIds) -> None:
    """Let through what is held."""
    from services.console.doing import asking

    asking.judge(hold, confirm=True)


def reject(hold: HoldIds) -> None:
    """Keep back what is held, until it is over by itself."""
    from services.console.doing import asking

    asking.judge(hold, confirm=False)


def reconcile(
    connection: Annotated[str, typer.Argument(help="Its name.")],
    wait: Annotated[bool, typer.Option("--wait", help="Wait for what is found, and say it.")] = False,
    timeout: Annotated[float, typer.Option(min=0.1, help="How long to wait, seconds.")] = 120.0,
    output: Output = Form.TABLE,
) -> None:
    """Compare now what a tenant holds with what is known of it, and poll it, without waiting for its turn.

    Trouble with the connection is looked at again at once, and what the tenant did not accept is tried again.
    """
    from services.console.doing import comparing

    comparing.reconcile(connection, output, wait=wait, timeout_s=timeout)


def add_to(app: typer.Typer) -> None:
    """Add the verbs to a command line."""
    app.command("test")(trial)
    app.command("test-guard")(guard_trial)
    for verb in (diff, sync, reconcile, explain, holds, confirm, reject):
        app.command()(verb)
