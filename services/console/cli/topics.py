"""The commands topics apply and topics check."""

from contextlib import closing

import typer

from services.console.cli.errors import EXIT_REFUSED, guarded
from services.console.cli.options import Output
from services.console.cli.output.forms import Form
from services.console.cli.output.resources import warn_of_unreadable
from services.console.cli.output.rows import Listing, write
from services.console.resources.store import PolicyStore
from services.runtime.kafka import clients
from services.runtime.kafka.topics import TopicState, apply_topics, check_topics
from services.runtime.settings import Settings, load_settings

app = typer.Typer(help="The topics of this installation.", no_args_is_help=True)
_APPLIED = Listing(("topic", "partitions", "state"), ("settings",), lambda row: str(row["topic"]))
_CHECKED = Listing(("topic", "partitions", "state", "settings"), (), lambda row: str(row["topic"]))


@app.command()
def apply(output: Output = Form.TABLE) -> None:
    """Create missing topics and check the others. Existing topics are not changed."""
    _run(output, change=True)


@app.command()
def check(output: Output = Form.TABLE) -> None:
    """Compare the topics with their required settings, and print each setting with its remedy."""
    _run(output, change=False)


def _run(form: Form, *, change: bool) -> None:
    """Check the topics and print the result; with `change`, create missing ones first.

    Raises:
        typer.Exit: some are missing, or differ from the required settings.

    """
    with guarded():
        settings = load_settings()
        with closing(clients.admin(settings)) as admin:
            look = apply_topics if change else check_topics
            (first,) = look(admin, [settings.topics.policy], settings.replication)
            required = settings.topics.all(_destinations(settings) if first.state != "missing" else ())
            states = look(admin, required, settings.replication)
        write(list(map(_row, states)), _APPLIED if change else _CHECKED, form, list(map(_whole, states)))
        if any(state.state in ("differs", "missing") for state in states):
            raise typer.Exit(EXIT_REFUSED)


def _destinations(settings: Settings) -> list[str]:
    found = PolicyStore(settings).read()
    warn_of_unreadable(found)
    return found.policy.destinations


def _row(one: TopicState) -> dict[str, object]:
    settings = [f"{setting.name} {setting.found}" for setting in one.settings]
    state = [one.state, *one.wrong]
    return {"topic": one.topic.name, "partitions": one.topic.partitions, "state": state, "settings": settings}


def _whole(one: TopicState) -> dict[str, object]:
    settings = [
        {"name": found.name, "is": found.found, "should_be": found.wanted, "do": found.remedy} for found in one.settings
    ]
    return {"topic": one.topic.name, "partitions": one.topic.partitions, "state": one.state, "settings": settings}
