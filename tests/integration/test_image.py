"""The container image, built and run as Kubernetes runs it: not root, a read-only root, no capability.

It is built where a Docker daemon with BuildKit answers and has the base image or gets it. Elsewhere nothing of this was
run, and the report says so with the reason; once an image could be built, whatever goes wrong is a failure.
IOC_BRIDGE_TEST_BASE_IMAGE names another base image; with it, nothing is excused but a missing daemon.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from schemas.topics import Topics
from services.sandbox.kafka.ports import free_port
from tests.not_run import not_run
from tests.waiting import eventually, run

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "deploy" / "docker" / "Dockerfile"
BASE = "IOC_BRIDGE_TEST_BASE_IMAGE"
HARDENED = ["--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
PIP_CONF = Path("/etc/pip.conf")
_HOW = "run it where a Docker daemon with BuildKit answers and this user may use it"


def docker(*arguments: str, within_s: float = 60) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "DOCKER_BUILDKIT": "1"}
    command = [shutil.which("docker") or "docker", *arguments]
    return run(command, environment, within_s)


def _base_image() -> str:
    """The base image, or the reason why nothing here is run."""
    if shutil.which("docker") is None or docker("info", "--format", "{{.ServerVersion}}").returncode:
        not_run("no Docker daemon answers", _HOW)
    if named := os.environ.get(BASE):
        return named
    (line,) = [found for found in DOCKERFILE.read_text().splitlines() if found.startswith("ARG BASE_IMAGE=")]
    image = line.partition("=")[2]
    if docker("image", "inspect", image).returncode and (pulled := docker("pull", image, within_s=120)).returncode:
        not_run(f"{image} is not here and cannot be pulled ({pulled.stderr.strip()})", f"name a base image in {BASE}")
    return image


@pytest.fixture(scope="module")
def image() -> Iterator[str]:
    """The image, built anew."""
    base, tag = _base_image(), f"ioc-bridge:test-{os.getpid()}"
    # Where pip needs to be told its index or its CA, the build is told the same; it stays out of the image.
    secret = ["--secret", f"id=pip,src={PIP_CONF}"] if PIP_CONF.exists() else []
    arguments = ["--build-arg", f"BASE_IMAGE={base}", "--build-arg", "REVISION=test", "--network", "host"]
    built = docker("build", "-f", str(DOCKERFILE), "-t", tag, *arguments, *secret, str(ROOT), within_s=900)
    if "BuildKit is enabled but the buildx component is missing" in built.stderr and BASE not in os.environ:
        not_run("this Docker client has no BuildKit", "install Docker's buildx")
    assert built.returncode == 0, built.stderr[-3000:]
    yield tag
    docker("rmi", "--force", tag)


def _inside(image: str, *command: str) -> str:
    done = docker("run", "--rm", *HARDENED, image, *command)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


INSTALLED = """
from importlib.metadata import distributions
print(*(f"{found.metadata['Name']}=={found.version}" for found in distributions()))
"""
IMPORTABLE = """
from importlib.util import find_spec
print(*(name for name in ("pip", "ensurepip", "setuptools", "wheel") if find_spec(name)))
"""
TOOLS = "for tool in pip pip3 gcc cc make git; do command -v $tool; done; true"
WRITABLE = "find /opt /etc /usr /home -xdev -writable -not -type l 2>/dev/null; true"
pytestmark = pytest.mark.timeout(1200)


def test_it_is_not_root_and_owns_nothing(image: str) -> None:
    assert _inside(image, "id", "-u") == "65532"
    assert _inside(image, "sh", "-c", WRITABLE) == ""


def test_no_tool_that_builds_or_installs_is_in_it(image: str) -> None:
    assert _inside(image, "sh", "-c", TOOLS) == ""
    assert _inside(image, "python", "-c", IMPORTABLE) == ""


def test_its_bill_of_materials_names_everything_installed_with_its_version(image: str) -> None:
    bill = json.loads(_inside(image, "cat", "/opt/ioc-bridge/sbom.cdx.json"))
    itself = bill["metadata"]["component"]
    listed = {f"{found['name']}=={found['version']}" for found in [itself, *bill["components"]]}
    installed = set(_inside(image, "python", "-c", INSTALLED).split())
    assert bill["bomFormat"] == "CycloneDX"
    assert itself["name"] == "ioc-bridge"
    assert listed == installed


def test_its_labels_say_what_it_is(image: str) -> None:
    labels = json.loads(docker("image", "inspect", "-f", "{{json .Config.Labels}}", image).stdout)
    assert labels["org.opencontainers.image.title"] == "ioc-bridge"
    assert labels["org.opencontainers.image.revision"] == "test"


def test_nothing_of_the_build_machine_stays_in_it(image: str) -> None:
    history = docker("history", "--no-trunc", "--format", "{{.CreatedBy}}", image).stdout
    assert "index-url" not in history
    assert "http" not in history


def test_it_makes_topics_and_runs_a_service_that_leaves_in_time(image: str, bootstrap: str, prefix: str) -> None:
    port = free_port()
    environment = {
        "IOC_BRIDGE_KAFKA_BOOTSTRAP": bootstrap,
        "IOC_BRIDGE_TOPIC_PREFIX": prefix,
        "IOC_BRIDGE_METRICS_PORT": str(port),
    }
    options = [part for name, value in environment.items() for part in ("--env", f"{name}={value}")]
    made = docker("run", "--rm", "--network", "host", *HARDENED, *options, image, "ioc-bridge", "topics", "apply")
    assert made.returncode == 0, made.stderr
    assert Topics(prefix).reports.name in made.stdout
    service = [*HARDENED, *options, "--network", "host", "--detach", image, "python", "-m", "services.router"]
    started = docker("run", *service)
    assert started.returncode == 0, started.stderr
    container = started.stdout.strip()
    try:
        eventually(lambda: _ready(port), f"the router in {container[:12]} is ready")
        docker("stop", "--time", "30", container)
        code = docker("inspect", "-f", "{{.State.ExitCode}}", container).stdout.strip()
        assert code == "0", docker("logs", container).stderr[-2000:]
    finally:
        docker("rm", "--force", container)


def _ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz", trust_env=False).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False
