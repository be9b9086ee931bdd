"""The command line `ioc-bridge`."""

import sys
from contextlib import closing

import typer
from kafka.errors import KafkaError
from rich.console import Console
from rich.table import Table

from schemas.policy import Policy
from schemas.resources import decode_resource
from services.runtime import kafka
from services.runtime.bulk import latest
from services.runtime.settings import Settings, SettingsError, load_settings
from services.runtime.topics import TopicState, apply_topics, check_topics

app = typer.Typer(help="Moves indicators between Microsoft Defender for Endpoint and Netskope.", no_args_is_help=True)
topics = typer.Typer(help="The topics of this installation.", no_args_is_help=True)
app.add_typer(topics, name="topics")


@app.callback()
def _root() -> None:
    """Settings come from the environment, or from the file named by IOC_BRIDGE_CONFIG."""


@topics.command()
def apply() -> None:
    """Create what is missing and check the rest; nothing that exists is changed."""
    _run(change=True)


@topics.command()
def check() -> None:
    """Compare the topics with what they should be."""
    _run(change=False)


def _run(*, change: bool) -> None:
    settings = load_settings()
    with closing(kafka.admin(settings)) as admin:
        policy = settings.topics.policy
        states = apply_topics(admin, [policy], settings.replication) if change else check_topics(admin, [policy])
        wanted = settings.topics.all(_connections(settings) if states[0].state != "missing" else ())
        states = apply_topics(admin, wanted, settings.replication) if change else check_topics(admin, wanted)
    _show(states)
    if any(state.state in ("differs", "missing") for state in states):
        raise typer.Exit(1)


def _connections(settings: Settings) -> list[str]:
    found = latest(settings, settings.topics.policy.name).values()
    return sorted(Policy.of(map(decode_resource, found)).connections)


def _show(states: list[TopicState]) -> None:
    table = Table("topic", "partitions", "state")
    for state in states:
        table.add_row(state.topic.name, str(state.topic.partitions), "\n".join([state.state, *state.wrong]))
    Console().print(table)


def main() -> None:
    """Run the command line; a foreseeable error is one line on standard error."""
    try:
        app()
    except SettingsError as error:
        sys.exit(f"ioc-bridge: {error}")
    except KafkaError as error:
        sys.exit(f"ioc-bridge: Kafka does not answer: {error!r}; is IOC_BRIDGE_KAFKA_BOOTSTRAP right?")


if __name__ == "__main__":
    main()
