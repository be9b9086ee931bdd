"""The overlays as tests look at them."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from deploy import rendering
from services.console.settings import ConsoleSettings
from services.runtime.settings import Settings
from services.sandbox.exchange import SERVICES

Resource = dict[str, Any]

RUNNING = (*SERVICES, "console")
"""Every service that runs for good, by the name of its module."""
COMPONENTS = ("puller", "router", "pusher", "console")
"""What kinds of service they are, as their pods are labelled."""


def settings_of(service: str) -> type[Settings]:
    """The settings that a service takes."""
    return ConsoleSettings if service == "console" else Settings


@cache
def resources(overlay: str) -> list[Resource]:
    """Every resource of an overlay."""
    return rendering.read(overlay)


def of_kind(overlay: str, *kinds: str) -> list[Resource]:
    """The resources of these kinds."""
    return [found for found in resources(overlay) if found["kind"] in kinds]


def named(resource: Resource) -> str:
    """How a resource is spoken of."""
    return f"{resource['kind']}/{resource['metadata']['name']}"


def pods(overlay: str) -> Iterator[tuple[str, Resource]]:
    """The pod template of every workload, by the name of the workload."""
    for found in of_kind(overlay, "Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob"):
        spec = found["spec"]["jobTemplate"]["spec"] if found["kind"] == "CronJob" else found["spec"]
        yield found["metadata"]["name"], spec["template"]


def labels(pod: Resource) -> dict[str, str]:
    """The labels of a pod template."""
    found: dict[str, str] = pod["metadata"]["labels"]
    return found


def selected(selector: Resource, of: dict[str, str]) -> bool:
    """Whether a label selector matches these labels. An empty one matches everything."""
    matches = all(of.get(key) == value for key, value in selector.get("matchLabels", {}).items())
    for rule in selector.get("matchExpressions", []):
        assert rule["operator"] == "In", f"this test knows no {rule['operator']}"
        matches = matches and of.get(rule["key"]) in rule["values"]
    return matches
