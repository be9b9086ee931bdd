"""`topics apply` and `topics check`."""

from contextlib import closing

import typer

from services.console.cli.errors import EXIT_REFUSED, guarded
from services.console.cli.output.forms import Form
from services.console.cli.output.resources import warn_of_unreadable
from services.console.cli.output.rows import Listing, write
from services.console.resources.store import PolicyStore
from services.runtime.kafka import clients
from services.runtime.kafka.topics import TopicState, apply_topics, check_topics
from services.runtime.settings import Settings, load_settings

_TOPICS = Listing(("topic", "partitions", "state"), (), lambda row: str(row["topic"]))


def run(*, change: bool) -> None:
    """Check the topics, creating what is missing if they may be changed.

    Raises:
        typer.Exit: some are missing, or not as they should be.

    """
    with guarded():
        settings = load_settings()
        with closing(clients.admin(settings)) as admin:
            policy = settings.topics.policy
            states = apply_topics(admin, [policy], settings.replication) if change else check_topics(admin, [policy])
            wanted = settings.topics.all(_destinations(settings) if states[0].state != "missing" else ())
            states = apply_topics(admin, wanted, settings.replication) if change else check_topics(admin, wanted)
        _show(states)
        if any(state.state in ("differs", "missing") for state in states):
            raise typer.Exit(EXIT_REFUSED)


def _destinations(settings: Settings) -> list[str]:
    found = PolicyStore(settings).read()
    warn_of_unreadable(found)
    return found.policy.destinations


def _show(states: list[TopicState]) -> None:
    rows = [
        {"topic": one.topic.name, "partitions": one.topic.partitions, "state": [one.state, *one.wrong]}
        for one in states
    ]
    write(rows, _TOPICS, Form.TABLE)
