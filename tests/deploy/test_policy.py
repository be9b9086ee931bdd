"""The policies that overlays begin with are ones that can be applied, and name secrets that are where they say."""

from pathlib import PurePosixPath
from typing import Any

import pytest
import yaml

from deploy import rendering
from schemas.connections import SecretRef
from schemas.policy import Policy
from schemas.resources import RESOURCE, AnyResource, Connection
from schemas.vendors.defender import DefenderTenant
from schemas.vendors.netskope import NetskopeTenant
from tests.deploy.overlays import named, of_kind, pods

OVERLAYS = pytest.mark.parametrize("overlay", rendering.OVERLAYS)


def _resources(overlay: str) -> list[AnyResource]:
    (found,) = [one for one in of_kind(overlay, "ConfigMap") if one["metadata"]["name"].startswith("policy-")]
    return [
        RESOURCE.validate_python(document, extra="forbid")
        for text in found["data"].values()
        for document in yaml.safe_load_all(text)
    ]


def _secrets(connection: Connection) -> list[SecretRef]:
    spec = connection.spec
    if isinstance(spec, NetskopeTenant):
        return [ref for ref in (spec.v2_token, spec.v1_token) if ref]
    return [spec.app_secret] if isinstance(spec, DefenderTenant) else []


def _files(overlay: str, pod: dict[str, Any]) -> set[str]:
    """The files that a pod's secrets become."""
    secrets = {found["metadata"]["name"]: set(found["data"]) for found in of_kind(overlay, "Secret")}
    for found in of_kind(overlay, "ExternalSecret"):
        secrets[found["spec"]["target"]["name"]] = {entry["secretKey"] for entry in found["spec"]["data"]}
    volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
    return {
        str(PurePosixPath(mount["mountPath"]) / key)
        for mount in pod["spec"]["containers"][0]["volumeMounts"]
        for key in secrets.get(volumes[mount["name"]].get("secret", {}).get("secretName"), ())
    }


@OVERLAYS
def test_the_policy_is_whole(overlay: str) -> None:
    policy = Policy.of(_resources(overlay))
    assert policy.sharings
    assert not policy.misfits()


@OVERLAYS
def test_every_secret_of_a_connection_is_where_it_says_for_those_who_need_it(overlay: str) -> None:
    templates = dict(pods(overlay))
    for connection in _resources(overlay):
        if not isinstance(connection, Connection):
            continue
        for service in (f"pull-{connection.spec.type}", f"push-{connection.spec.type}"):
            there = _files(overlay, templates[service])
            missing = [ref.file for ref in _secrets(connection) if ref.file not in there]
            assert not missing, f"{named(connection.model_dump())}: {service}"


@OVERLAYS
def test_a_connection_of_the_sandbox_reaches_a_service_that_there_is(overlay: str) -> None:
    services = {
        f"{found['metadata']['name']}:{found['spec']['ports'][0]['port']}" for found in of_kind(overlay, "Service")
    }
    for connection in _resources(overlay):
        if isinstance(connection, Connection) and connection.name.startswith("sandbox-"):
            spec = connection.spec
            assert isinstance(spec, NetskopeTenant | DefenderTenant)
            url = spec.tenant_url if isinstance(spec, NetskopeTenant) else spec.api_url
            assert url
            assert f"{url.host}:{url.port}" in services
