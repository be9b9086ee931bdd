"""Manifests and code say the same: commands, settings, ports, probes, times, groups."""

import re
from importlib.util import find_spec
from pathlib import PurePosixPath
from typing import Any

import pytest

from deploy import rendering
from schemas.topics import LEASE_PARTITIONS, Topics
from services.console.settings import ConsoleSettings
from services.runtime.lifecycle import STOP_WITHIN_S
from services.runtime.settings import ENV_PREFIX, Settings
from tests.deploy.overlays import COMPONENTS, RUNNING, labels, of_kind, pods, resources, selected, settings_of

DEFAULTS = Settings.model_construct()
OVERLAYS = pytest.mark.parametrize("overlay", rendering.OVERLAYS)


def _services(overlay: str) -> dict[str, dict[str, Any]]:
    return {name: pod for name, pod in pods(overlay) if labels(pod).get("app.kubernetes.io/part-of") == "ioc-bridge"}


def _container(pod: dict[str, Any]) -> dict[str, Any]:
    (found,) = pod["spec"]["containers"]
    assert isinstance(found, dict)
    return found


def _environment(overlay: str, pod: dict[str, Any]) -> dict[str, object]:
    """What a container finds in its environment; where a value comes from elsewhere, where it comes from."""
    maps = {found["metadata"]["name"]: found["data"] for found in of_kind(overlay, "ConfigMap")}
    found: dict[str, object] = {}
    for source in _container(pod).get("envFrom", []):
        found |= maps[source["configMapRef"]["name"]]
    for variable in _container(pod).get("env", []):
        found[variable["name"]] = variable.get("value") or variable["valueFrom"]
    return found


@OVERLAYS
def test_every_service_of_the_code_runs_by_its_own_command(overlay: str) -> None:
    commands = {" ".join(_container(pod)["command"]) for pod in _services(overlay).values()}
    for service in RUNNING:
        assert any(command.startswith(f"python -m services.{service}") for command in commands), service
    for command in commands:
        if command.startswith("sh -ec"):
            continue
        module = re.match(r"python -m (services\.[a-z_.]+)", command)
        assert module, command
        assert find_spec(f"{module[1]}.__main__"), command


@OVERLAYS
def test_a_service_is_named_after_its_module(overlay: str) -> None:
    for name, pod in _services(overlay).items():
        if name != "policy" and not name.startswith("sandbox-"):
            assert _container(pod)["command"][2] == f"services.{name.replace('-', '_')}"
            assert pod["spec"]["serviceAccountName"] == labels(pod)["app.kubernetes.io/name"] == name


@OVERLAYS
def test_the_environment_is_one_that_the_settings_take(overlay: str) -> None:
    for name, pod in _services(overlay).items():
        kind = settings_of(name)
        fields = {ENV_PREFIX + field.upper(): field for field in kind.model_fields}
        environment = _environment(overlay, pod)
        assert set(environment) <= set(fields), name
        values = {
            fields[key]: value if isinstance(value, str) else "by-reference" for key, value in environment.items()
        }
        kind(**values)  # type: ignore[arg-type]  # checked by pydantic


@OVERLAYS
def test_probes_and_metrics_are_on_the_port_that_is_served(overlay: str) -> None:
    for name, pod in _services(overlay).items():
        if labels(pod)["app.kubernetes.io/component"] not in COMPONENTS:
            continue
        container = _container(pod)
        served = {"metrics": DEFAULTS.metrics_port}
        if name == "console":
            served["api"] = ConsoleSettings.model_construct().console_port
        assert {port["name"]: port["containerPort"] for port in container["ports"]} == served
        assert _environment(overlay, pod)[ENV_PREFIX + "METRICS_HOST"] == "0.0.0.0", name
        paths = {kind: container[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "readiness", "liveness")}
        assert paths == {"startup": "/readyz", "readiness": "/readyz", "liveness": "/livez"}
        assert all(container[f"{kind}Probe"]["httpGet"]["port"] == "metrics" for kind in paths)


@OVERLAYS
def test_a_service_is_given_the_time_it_takes_to_leave(overlay: str) -> None:
    for name, pod in _services(overlay).items():
        if labels(pod)["app.kubernetes.io/component"] in COMPONENTS:
            before = _container(pod).get("lifecycle", {}).get("preStop", {"sleep": {"seconds": 0}})["sleep"]["seconds"]
            assert pod["spec"]["terminationGracePeriodSeconds"] >= before + STOP_WITHIN_S + 5, name


@OVERLAYS
def test_the_console_is_given_the_time_and_the_room_to_read_what_kafka_holds(overlay: str) -> None:
    pod = _services(overlay)["console"]
    container, environment = _container(pod), _environment(overlay, pod)
    probe = container["startupProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] >= 30 * 60
    (volume,) = [found for found in pod["spec"]["volumes"] if found["name"] == "read-model"]
    (mount,) = [found for found in container["volumeMounts"] if found["name"] == "read-model"]
    assert PurePosixPath(str(environment[ENV_PREFIX + "CONSOLE_READ_MODEL"])).parent == PurePosixPath(
        mount["mountPath"]
    )
    room = {key: int(found["ephemeral-storage"].removesuffix("Gi")) for key, found in container["resources"].items()}
    assert room["limits"] > int(volume["emptyDir"]["sizeLimit"].removesuffix("Gi")), "or the pod is evicted first"


@OVERLAYS
def test_the_console_reads_its_tokens_where_they_are_mounted(overlay: str) -> None:
    pod = _services(overlay)["console"]
    file = PurePosixPath(str(_environment(overlay, pod)[ENV_PREFIX + "CONSOLE_TOKENS_FILE"]))
    (mount,) = [found for found in _container(pod)["volumeMounts"] if found["mountPath"] == str(file.parent)]
    (volume,) = [found for found in pod["spec"]["volumes"] if found["name"] == mount["name"]]
    keys = {found["metadata"]["name"]: set(found["data"]) for found in of_kind(overlay, "Secret")}
    for found in of_kind(overlay, "ExternalSecret"):
        keys[found["spec"]["target"]["name"]] = {entry["secretKey"] for entry in found["spec"]["data"]}
    assert file.name in keys[volume["secret"]["secretName"]]
    assert not volume["secret"].get("optional"), "without tokens it would end at once"


@OVERLAYS
def test_the_console_is_called_by_its_service(overlay: str) -> None:
    (service,) = [found for found in of_kind(overlay, "Service") if found["metadata"]["name"] == "console"]
    called = [
        name for name, pod in pods(overlay) if selected({"matchLabels": service["spec"]["selector"]}, labels(pod))
    ]
    assert called == ["console"]
    assert [port["targetPort"] for port in service["spec"]["ports"]] == ["api"]


@pytest.mark.parametrize("overlay", ["staging", "production"])
def test_every_service_is_monitored(overlay: str) -> None:
    (monitor,) = of_kind(overlay, "PodMonitor")
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    watched = {
        name
        for name, pod in pods(overlay)
        if selected(monitor["spec"]["selector"], labels(pod))
        and any(port["name"] == endpoint["port"] for port in _container(pod).get("ports", []))
    }
    assert watched == {service.replace("_", "-") for service in RUNNING}
    assert endpoint["path"] == "/metrics"


@pytest.mark.parametrize("overlay", ["staging", "production"])
def test_routers_scale_on_the_lag_of_their_group_and_never_past_the_partitions(overlay: str) -> None:
    (scaled,) = of_kind(overlay, "ScaledObject")
    (trigger,) = scaled["spec"]["triggers"]
    topics = Topics()
    assert scaled["spec"]["scaleTargetRef"]["name"] == "router"
    assert scaled["spec"]["maxReplicaCount"] == topics.partitions
    assert (trigger["metadata"]["topic"], trigger["metadata"]["consumerGroup"]) == ("ioc.reports", "ioc-router")
    assert topics.reports.name == "ioc.reports"
    assert trigger["metadata"]["excludePersistentLag"] == "true"
    (router,) = [found for found in of_kind(overlay, "Deployment") if found["metadata"]["name"] == "router"]
    assert "replicas" not in router["spec"], "a roll-out would set the autoscaler's number back"


@OVERLAYS
def test_pullers_and_pushers_are_not_more_than_there_are_leases(overlay: str) -> None:
    for found in of_kind(overlay, "Deployment"):
        if found["metadata"]["name"].startswith(("pull-", "push-")):
            assert found["spec"]["replicas"] <= LEASE_PARTITIONS


@pytest.mark.parametrize("overlay", ["staging", "production"])
def test_each_service_signs_in_to_kafka_as_a_user_that_there_is(overlay: str) -> None:
    users = {found["metadata"]["name"] for found in of_kind(overlay, "KafkaUser")}
    for name, pod in _services(overlay).items():
        if name.startswith("sandbox-"):
            continue
        environment = _environment(overlay, pod)
        assert environment[ENV_PREFIX + "KAFKA_SECURITY_PROTOCOL"] == "SASL_SSL"
        user = environment[ENV_PREFIX + "KAFKA_SASL_USERNAME"]
        who = user if isinstance(user, str) else name  # by reference to the label, which is the name
        assert who in users
        secret = environment[ENV_PREFIX + "KAFKA_SASL_PASSWORD"]
        assert secret == {"secretKeyRef": {"key": "password", "name": who}}, "Strimzi keeps it in a Secret named so"


@pytest.mark.parametrize("overlay", ["staging", "production"])
def test_the_brokers_are_found_where_strimzi_puts_them(overlay: str) -> None:
    (kafka,) = of_kind(overlay, "Kafka")
    (listener,) = kafka["spec"]["kafka"]["listeners"]
    (settings,) = [
        found["data"] for found in of_kind(overlay, "ConfigMap") if found["metadata"]["name"].startswith("ioc-bridge-")
    ]
    name, namespace = kafka["metadata"]["name"], kafka["metadata"]["namespace"]
    assert settings[ENV_PREFIX + "KAFKA_BOOTSTRAP"] == f"{name}-kafka-bootstrap.{namespace}.svc:{listener['port']}"
    assert (listener["tls"], listener["authentication"]["type"]) == (True, "scram-sha-512")
    assert all(
        found["metadata"]["namespace"] == namespace for found in resources(overlay) if found["kind"] != "Namespace"
    )
