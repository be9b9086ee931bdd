"""Which broker the tests talk to.

Invariant: the first way that is open is taken, in a fixed order, and every way before it gives the reason why not. A
broker that was asked for by name and does not answer is an error, never a reason to take another one.
"""

import gc
import os
import socket
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from services.sandbox.kafka import EmbeddedKafka, EmbeddedKafkaError
from services.sandbox.kafka.ports import answers, free_port
from services.sandbox.kafka.process import serves
from services.sandbox.kafka.properties import HOST, SHARED
from services.sandbox.patience import Patience

VARIABLE = "IOC_BRIDGE_TEST_BOOTSTRAP"
IMAGE = "apache/kafka:4.3.1"
PULL_SECONDS = 60
READY_SECONDS = 60
_DOCKER = "unix:///var/run/docker.sock"


class NotTaken(Exception):  # noqa: N818 - no error: the next way is tried
    """This way is closed; the message says why."""


class NoBroker(Exception):  # noqa: N818 - the name says it
    """The broker that was asked for does not answer, or every way is closed."""


Open = Callable[[ExitStack], str]


@dataclass(frozen=True)
class Choice:
    """The way that was taken."""

    name: str
    bootstrap: str
    not_taken: tuple[str, ...]

    def __str__(self) -> str:
        reasons = "".join(f"; {reason}" for reason in self.not_taken)
        return f"Kafka for the tests: {self.name} at {self.bootstrap}{reasons}"


def choose(ways: Sequence[tuple[str, Open]], stack: ExitStack) -> Choice:
    """Open the first way that can be; what it needs to be closed goes on `stack`. Raises `NoBroker`."""
    reasons: list[str] = []
    with library_sockets_ignored():
        for name, opened in ways:
            try:
                with ExitStack() as opening:
                    bootstrap = opened(opening)
                    stack.push(opening.pop_all())
                    return Choice(name, bootstrap, tuple(reasons))
            except NotTaken as reason:
                reasons.append(f"not {name}: {reason}")
    raise NoBroker(f"No Kafka for the tests: {'; '.join(reasons)}")


@contextmanager
def library_sockets_ignored() -> Iterator[None]:
    """Let sockets that a library leaves open after a failure be collected here, not in somebody's test."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        try:
            yield
        finally:
            gc.collect()


def ways(cache: Path) -> Sequence[tuple[str, Open]]:
    """Return the ways in their order: the broker named, a container, the embedded one."""
    return (
        (f"the one in {VARIABLE}", named),
        (f"a container of {IMAGE}", container),
        ("the embedded broker", lambda stack: embedded(stack, cache)),
    )


def named(_stack: ExitStack) -> str:
    """The broker that the environment names."""
    bootstrap = os.environ.get(VARIABLE)
    if not bootstrap:
        raise NotTaken("it is not set")
    addresses = [address.rpartition(":") for address in bootstrap.split(",")]
    if not all(host and port.isdigit() for host, _, port in addresses):
        raise NoBroker(f"{VARIABLE} is {bootstrap!r}: write host:port, several of them with commas between")
    # Asked first without a client: one that is refused leaves its socket open.
    if not (any(answers(int(port), host.strip("[]")) for host, _, port in addresses) and serves(bootstrap)):
        raise NoBroker(f"{VARIABLE} names {bootstrap}, where no Kafka answers: start it, or unset {VARIABLE}")
    return bootstrap


def embedded(stack: ExitStack, cache: Path) -> str:
    """The broker that needs nothing but Python."""
    try:
        return stack.enter_context(EmbeddedKafka(cache=cache)).bootstrap
    except EmbeddedKafkaError as error:
        raise NotTaken(str(error)) from error


def container(stack: ExitStack) -> str:
    """Apache Kafka in a container, where a Docker daemon answers and has the image or can get it in time.

    testcontainers' own KafkaContainer runs Confluent's images only; the broker in production is Apache's.
    """
    if not _daemon_listens(os.environ.get("DOCKER_HOST") or _DOCKER):
        raise NotTaken("no Docker daemon answers")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what these libraries warn of at import is theirs to mend
        docker = import_module("docker")  # it ships no types
        from testcontainers.core.config import testcontainers_config
        from testcontainers.core.container import DockerContainer
    try:
        with closing(docker.from_env(timeout=PULL_SECONDS)) as client:
            _have(client, IMAGE)
            if not testcontainers_config.ryuk_disabled:  # what removes the container should the tests be killed
                _have(client, testcontainers_config.ryuk_image)
        port = free_port()
        # The advertised address must be known before the start, so the port is bound and not left to Docker.
        kafka = DockerContainer(IMAGE).with_bind_ports(port, port).with_envs(**container_environment(port))
        stack.enter_context(kafka)
    except (docker.errors.DockerException, OSError) as error:
        raise NotTaken(" ".join(str(error).split())) from error
    bootstrap = f"{HOST}:{port}"
    patience = Patience(READY_SECONDS)
    while not (answers(port) and serves(bootstrap)):
        if patience.is_over():
            raise NotTaken(f"it started but did not answer at {bootstrap} within {patience.waited:.0f} s")
        time.sleep(0.05)
    return bootstrap


def container_environment(port: int) -> dict[str, str]:
    """Return the image's environment: the settings of the embedded broker, by the names the image takes."""
    values = {
        **SHARED,
        "process.roles": "broker,controller",
        "node.id": "1",
        "listeners": f"PLAINTEXT://:{port},CONTROLLER://:{port - 1}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{port}",
        "controller.listener.names": "CONTROLLER",
        "controller.quorum.voters": f"1@localhost:{port - 1}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    }
    return {"KAFKA_" + name.upper().replace(".", "_"): value for name, value in values.items()}


def _daemon_listens(address: str) -> bool:
    url = urlsplit(address)
    family, target = (
        (socket.AF_UNIX, url.path) if url.scheme == "unix" else (socket.AF_INET, (url.hostname, url.port or 2375))
    )
    with socket.socket(family) as probe:
        probe.settimeout(2)
        try:
            probe.connect(target)
        except OSError:
            return False
    return True


def _have(client: Any, image: str) -> None:
    """Raise `NotTaken` unless `image` is here or comes within the bound."""
    if client.images.list(name=image):
        return
    name, tag = image.split(":")
    deadline = time.monotonic() + PULL_SECONDS
    for event in client.api.pull(name, tag=tag, stream=True, decode=True):
        if "error" in event:
            raise NotTaken(f"{image} cannot be pulled: {event['error']}")
        if time.monotonic() > deadline:
            raise NotTaken(f"{image} did not come within {PULL_SECONDS} s")
