"""What a manifest names is there: config maps, secrets, accounts, targets, volumes."""

from collections.abc import Iterator
from typing import Any

import pytest

from deploy import rendering
from schemas.vendors.registry import PULLERS, PUSHERS
from tests.deploy.overlays import named, of_kind, pods, resources


def _names(overlay: str, *kinds: str) -> set[str]:
    return {found["metadata"]["name"] for found in of_kind(overlay, *kinds)}


def _secrets(overlay: str) -> set[str]:
    """The Secrets there are, and those that an operator will make."""
    cluster = {f"{name}-cluster-ca-cert" for name in _names(overlay, "Kafka")}
    external = {found["spec"]["target"]["name"] for found in of_kind(overlay, "ExternalSecret")}
    return _names(overlay, "Secret", "KafkaUser") | cluster | external


def _references(pod: dict[str, Any]) -> Iterator[tuple[str, str]]:
    spec = pod["spec"]
    if "serviceAccountName" in spec:
        yield "ServiceAccount", spec["serviceAccountName"]
    for volume in spec.get("volumes", []):
        if "secret" in volume:
            yield "Secret", volume["secret"]["secretName"]
        if "configMap" in volume:
            yield "ConfigMap", volume["configMap"]["name"]
    for container in spec["containers"]:
        for source in container.get("envFrom", []):
            yield "ConfigMap", source["configMapRef"]["name"]
        for variable in container.get("env", []):
            if "secretKeyRef" in variable.get("valueFrom", {}):
                yield "Secret", variable["valueFrom"]["secretKeyRef"]["name"]


@pytest.mark.parametrize("overlay", rendering.OVERLAYS)
def test_pods_refer_to_what_is_there(overlay: str) -> None:
    optional = {service.secret for service in (*PULLERS, *PUSHERS)} if overlay == "dev" else set()
    there = {
        "Secret": _secrets(overlay) | optional,
        "ConfigMap": _names(overlay, "ConfigMap"),
        "ServiceAccount": _names(overlay, "ServiceAccount"),
    }
    for name, pod in pods(overlay):
        missing = [reference for reference in _references(pod) if reference[1] not in there[reference[0]]]
        assert not missing, name
        volumes = {volume["name"] for volume in pod["spec"].get("volumes", [])}
        for container in pod["spec"]["containers"]:
            assert {mount["name"] for mount in container.get("volumeMounts", [])} == volumes, name


@pytest.mark.parametrize("overlay", ["staging", "production"])
def test_the_autoscaler_signs_in_with_what_is_there(overlay: str) -> None:
    (authentication,) = of_kind(overlay, "TriggerAuthentication")
    (scaled,) = of_kind(overlay, "ScaledObject")
    assert scaled["spec"]["triggers"][0]["authenticationRef"]["name"] == authentication["metadata"]["name"]
    assert {found["name"] for found in authentication["spec"]["secretTargetRef"]} <= _secrets(overlay)
    (username,) = authentication["spec"]["configMapTargetRef"]
    (user,) = [found for found in of_kind(overlay, "ConfigMap") if found["metadata"]["name"] == username["name"]]
    assert user["data"][username["key"]] in _names(overlay, "KafkaUser")


@pytest.mark.parametrize("overlay", rendering.OVERLAYS)
def test_nothing_is_there_twice(overlay: str) -> None:
    found = [named(resource) for resource in resources(overlay)]
    assert len(found) == len(set(found))
