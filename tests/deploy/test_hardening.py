"""Every pod of ours runs as the restricted Pod Security Standard asks, and keeps what it may use within bounds."""

import base64
from typing import Any

import pytest
import yaml

from deploy import rendering
from services.console.auth.tokens import Verifier
from tests.deploy.overlays import COMPONENTS, labels, of_kind, pods

OVERLAYS = pytest.mark.parametrize("overlay", rendering.OVERLAYS)
OPEN = "sandbox.sandbox-token"
"""The token that everybody knows; it is in the comment above its hash."""
THEIRS = {"kafka"}
"""Pods of images that are not ours: these write where they like."""


@OVERLAYS
def test_namespaces_enforce_the_restricted_standard(overlay: str) -> None:
    (namespace,) = of_kind(overlay, "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


@OVERLAYS
def test_pods_are_restricted(overlay: str) -> None:
    for name, pod in pods(overlay):
        spec = pod["spec"]
        assert spec["automountServiceAccountToken"] is False, name
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert not any("hostPath" in volume for volume in spec.get("volumes", [])), name
        for container in spec["containers"]:
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False, name
            assert context["capabilities"] == {"drop": ["ALL"]}, name
            assert context.get("readOnlyRootFilesystem") is True or name in THEIRS, name


@OVERLAYS
def test_where_the_root_is_read_only_there_is_a_place_for_temporary_files(overlay: str) -> None:
    for name, pod in pods(overlay):
        volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
        for container in pod["spec"]["containers"]:
            if container["securityContext"].get("readOnlyRootFilesystem"):
                (mount,) = [found for found in container["volumeMounts"] if found["mountPath"] == "/tmp"]
                assert volumes[mount["name"]]["emptyDir"]["sizeLimit"], name


@OVERLAYS
def test_memory_is_asked_for_and_bounded(overlay: str) -> None:
    for name, pod in pods(overlay):
        for container in pod["spec"]["containers"]:
            assert {"cpu", "memory"} <= set(container["resources"]["requests"]), name
            assert "memory" in container["resources"]["limits"], name


@OVERLAYS
def test_services_outlive_the_loss_of_a_node_and_a_drain(overlay: str) -> None:
    budgets = {found["metadata"]["name"]: found["spec"] for found in of_kind(overlay, "PodDisruptionBudget")}
    for name, pod in pods(overlay):
        if labels(pod).get("app.kubernetes.io/component") not in COMPONENTS:
            continue
        assert budgets[name]["maxUnavailable"] == 1
        assert budgets[name]["selector"]["matchLabels"]["app.kubernetes.io/name"] == name
        keys = {spread["topologyKey"] for spread in pod["spec"]["topologySpreadConstraints"]}
        assert keys == {"kubernetes.io/hostname", "topology.kubernetes.io/zone"}


@OVERLAYS
def test_no_secret_is_in_a_manifest_but_those_that_open_the_sandbox(overlay: str) -> None:
    for found in of_kind(overlay, "Secret"):
        assert overlay != "production", found["metadata"]["name"]
        assert all(key.startswith("sandbox-") for key in found["data"]) or _opens_stand_ins(found)
    for name, pod in pods(overlay):
        for container in pod["spec"]["containers"]:
            for variable in container.get("env", []):
                plain = "value" in variable
                names_file = variable["name"].endswith("_FILE")
                secret = any(word in variable["name"] for word in ("PASSWORD", "SECRET", "TOKEN"))
                assert not (plain and secret and not names_file), name


@OVERLAYS
def test_images_are_named_whole_where_it_matters(overlay: str) -> None:
    for name, pod in pods(overlay):
        for container in pod["spec"]["containers"]:
            image = str(container["image"])
            assert ":" in image.rpartition("/")[2] or "@" in image, name
            assert not image.endswith(":latest"), name


def _opens_stand_ins(secret: dict[str, Any]) -> bool:
    """Whether this is the file of tokens with nobody in it but whom everybody knows."""
    text = base64.b64decode(secret["data"]["tokens.yaml"]).decode()
    (person,) = yaml.safe_load(text)["tokens"]
    return secret["metadata"]["name"].startswith("console-tokens-") and Verifier().is_right(OPEN, person["hash"])


def _mounted(pod: dict[str, Any]) -> set[str]:
    return {volume["secret"]["secretName"] for volume in pod["spec"].get("volumes", []) if "secret" in volume}


@pytest.mark.parametrize("overlay", ["staging", "production"])
def test_only_who_speaks_to_a_vendor_sees_its_secrets(overlay: str) -> None:
    for name, pod in pods(overlay):
        vendor = {found.partition("-tenants")[0] for found in _mounted(pod) if "-tenants" in found}
        talks = name.startswith(("pull-", "push-"))
        assert vendor == ({name.partition("-")[2]} if talks else set()), name
