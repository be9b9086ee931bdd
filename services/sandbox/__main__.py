"""`python -m services.sandbox demo [--keep]`: the whole exchange on an embedded Kafka, compared at the end."""

import secrets
import signal
import sys
import time
from pathlib import Path
from typing import Annotated

import httpx
import typer
from kafka.errors import KafkaError
from rich.console import Console

from services.runtime.settings import Settings
from services.sandbox.demo.run import Demo
from services.sandbox.demo.seed import sample
from services.sandbox.kafka import EmbeddedKafka, EmbeddedKafkaError
from services.sandbox.processes import ServiceFailedError

_LOGS = Path("build/demo")
_LEAVE = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_INTERRUPTED = 130
_WIDTH = 120
"""Columns where there is no terminal to ask."""
app = typer.Typer(no_args_is_help=True)


@app.callback()
def _root() -> None:
    """The sandbox."""


@app.command()
def demo(keep: Annotated[bool, typer.Option(help="leave everything up until Ctrl-C")] = False) -> None:
    """Carry real public indicators both ways, change them, and compare both tenants with what policy asks for."""
    for number in _LEAVE:
        signal.signal(number, _leave)
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_WIDTH)
    try:
        agreed = _demo(console, keep=keep)
    except (EmbeddedKafkaError, ServiceFailedError) as error:
        sys.exit(f"ioc-bridge demo: {error}")
    except (KafkaError, httpx.TransportError) as error:
        sys.exit(f"ioc-bridge demo: a part of it does not answer any more: {error!r}; logs are in {_LOGS}")
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    if not agreed:
        sys.exit(1)


def _demo(console: Console, *, keep: bool) -> bool:
    began = time.monotonic()
    console.print("Starting an embedded Kafka (the first time on a machine it is downloaded)")
    with EmbeddedKafka() as kafka:
        console.print(f"[bold]Kafka is up[/] at {kafka.bootstrap} after {time.monotonic() - began:.1f} s")
        settings = Settings(kafka_bootstrap=kafka.bootstrap, topic_prefix=f"demo{secrets.token_hex(2)}")
        logs = _LOGS / settings.topic_prefix  # of its own: another demo may be running
        logs.mkdir(parents=True, exist_ok=True)
        run = Demo(settings, logs, console, sample())
        run.run(keep=keep)
        if not keep:
            console.print(f"All of it took {time.monotonic() - began:.0f} s; logs are in {logs}")
    return run.agreed


def _leave(_number: int, _frame: object) -> None:
    """Leave in good order, and let no second signal interrupt that: it takes seconds."""
    for number in _LEAVE:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    app()
