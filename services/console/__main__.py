"""The command line `ioc-bridge`: wiring only."""

from importlib.metadata import version
from typing import Annotated

import typer

from services.console.cli.commands import LazyGroup

EPILOG = (
    "Exit codes: 0 done; 1 refused, nothing was changed; 2 the command line is wrong; 3 there is no such thing; "
    "4 something would change (diff --exit-code); "
    "75 Kafka does not answer, or others keep writing: try again; 78 the settings cannot be used."
)
app = typer.Typer(cls=LazyGroup, epilog=EPILOG, no_args_is_help=True)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ioc-bridge {version('ioc-bridge')}")
        raise typer.Exit


@app.callback()
def _root(
    *,
    version_: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Moves indicators between Microsoft Defender for Endpoint and Netskope.

    Settings come from the environment, or from the file named by IOC_BRIDGE_CONFIG.
    """


def main() -> None:
    """Run the command line."""
    app(prog_name="ioc-bridge")


if __name__ == "__main__":
    main()
