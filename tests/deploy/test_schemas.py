"""Every overlay is made of resources that a cluster with the named operators takes: no misspelt field, no missing one.

The API server's own kinds are held against Kubernetes' schemas, custom ones against those of their operators (kept in
deploy/kubernetes/schemas). Neither knows of rules written in CEL, nor whether what is referred to is there; references
are checked in test_references.py.
"""

import json
import subprocess
from typing import Any

import kubernetes_validate
import pytest
from jsonschema import Draft202012Validator, ValidationError

from deploy import rendering
from deploy.crds import schema_path
from tests.deploy.overlays import named, resources

OLDEST = "1.33.0"
"""The oldest Kubernetes that is promised to work; matchLabelKeys and native sidecars are settled there."""


def _validate(resource: dict[str, Any]) -> None:
    kept = schema_path(resource["apiVersion"], resource["kind"])
    if kept.exists():
        Draft202012Validator(json.loads(kept.read_text("utf-8"))).validate(resource)
    else:
        kubernetes_validate.validate(resource, OLDEST, strict=True)


@pytest.mark.parametrize("overlay", rendering.OVERLAYS)
def test_every_resource_fits_its_schema(overlay: str) -> None:
    for resource in resources(overlay):
        try:
            _validate(resource)
        except (ValidationError, kubernetes_validate.ValidationError) as error:
            pytest.fail(f"{named(resource)}: {error}")


@pytest.mark.parametrize("kind", ["Deployment", "KafkaUser", "ScaledObject", "PodMonitor", "NetworkPolicy", "Kafka"])
def test_a_misspelt_field_would_be_found(kind: str) -> None:
    found = next(one for one in resources("staging") if one["kind"] == kind)
    with pytest.raises((ValidationError, kubernetes_validate.ValidationError)):
        _validate(found | {"spec": found["spec"] | {"misspelt": 1}})


@pytest.mark.parametrize("overlay", rendering.OVERLAYS)
def test_what_is_kept_is_what_kustomize_builds(overlay: str) -> None:
    """Where kustomize is at hand the whole is compared; elsewhere the digest of what it is built from."""
    assert rendering.kept_digest(overlay) == rendering.digest(), "stale; run: make manifests"
    if rendering.command():
        try:
            built = rendering.build(overlay)
        except subprocess.CalledProcessError as error:
            pytest.fail(f"kustomize refuses the overlay: {error}")
        assert built == rendering.read(overlay), "not what kustomize builds here; run: make manifests"
