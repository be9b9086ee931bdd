"""The command line `ioc-bridge`: wiring only."""

import typer

from services.console.cli import asking, looking, resources, service
from services.console.cli.letters import deadletters
from services.console.cli.rejected import rejected
from services.console.cli.topics import topics

EPILOG = (
    "Exit codes: 0 done; 1 refused, nothing was changed; 2 the command line is wrong; 3 there is no such thing; "
    "4 something would change (diff --exit-code); "
    "75 Kafka does not answer, or others keep writing: try again; 78 the settings cannot be used."
)
app = typer.Typer(epilog=EPILOG, no_args_is_help=True)
for verbs in (resources, asking, looking, service):
    verbs.add_to(app)
app.add_typer(deadletters, name="deadletters")
app.add_typer(rejected, name="rejected")
app.add_typer(topics, name="topics")


@app.callback()
def _root() -> None:
    """Moves indicators between Microsoft Defender for Endpoint and Netskope.

    Settings come from the environment, or from the file named by IOC_BRIDGE_CONFIG.
    """


def main() -> None:
    """Run the command line."""
    app(prog_name="ioc-bridge")


if __name__ == "__main__":
    main()
