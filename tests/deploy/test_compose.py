"""The compose file is one that compose takes, and says the same as the code."""

import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from deploy.strimzi import CLUSTER
from services.runtime.lifecycle import STOP_WITHIN_S
from services.runtime.settings import ENV_PREFIX, Settings
from tests.broker import IMAGE
from tests.deploy.overlays import RUNNING, of_kind, settings_of

FOLDER = Path(__file__).parents[2] / "deploy" / "compose"
DEFAULTS = Settings.model_construct()


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text("utf-8"))
    return found


def test_it_fits_the_schema_of_compose(compose: dict[str, Any]) -> None:
    schema = json.loads((FOLDER / "compose-spec.json").read_text("utf-8"))
    Draft202012Validator(schema).validate(compose)
    broken = {**compose, "services": {**compose["services"], "router": {"comand": []}}}
    assert not Draft202012Validator(schema).is_valid(broken)


def test_every_service_runs_by_its_own_command_with_settings_that_there_are(compose: dict[str, Any]) -> None:
    for service in RUNNING:
        fields = {ENV_PREFIX + name.upper() for name in settings_of(service).model_fields}
        found = compose["services"][service.replace("_", "-")]
        assert found["command"][:3] == ["python", "-m", f"services.{service}"]
        assert set(found["environment"]) <= fields
        assert found["environment"][ENV_PREFIX + "METRICS_HOST"] == "0.0.0.0"
        assert f"http://127.0.0.1:{DEFAULTS.metrics_port}/readyz" in found["healthcheck"]["test"][-1]
        assert int(found["stop_grace_period"].removesuffix("s")) >= STOP_WITHIN_S + 5
    for vendor in ("defender", "netskope"):
        module = re.match(r"python -m (\S+)", " ".join(compose["services"][f"sandbox-{vendor}"]["command"]))
        assert module
        assert find_spec(f"{module[1]}.__main__")


def test_containers_of_ours_are_hardened(compose: dict[str, Any]) -> None:
    for name, found in compose["services"].items():
        if str(found["image"]).startswith("ioc-bridge"):
            assert found["read_only"] is True, name
            assert found["cap_drop"] == ["ALL"], name


def test_ports_are_open_on_loopback_only(compose: dict[str, Any]) -> None:
    ports = [port for found in compose["services"].values() for port in found.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_what_is_mounted_is_there(compose: dict[str, Any]) -> None:
    for name, found in compose["services"].items():
        for volume in found.get("volumes", []):
            source = volume.split(":")[0]
            assert source in compose["volumes"] or (FOLDER / source).exists(), f"{name}: {source}"


def test_prometheus_scrapes_every_service(compose: dict[str, Any]) -> None:
    config = yaml.safe_load((FOLDER / "prometheus.yaml").read_text("utf-8"))
    (job,) = config["scrape_configs"]
    (static,) = job["static_configs"]
    assert set(static["targets"]) == {f"{name.replace('_', '-')}:{DEFAULTS.metrics_port}" for name in RUNNING}


def test_kafka_is_the_one_that_is_tested_with(compose: dict[str, Any]) -> None:
    assert compose["services"]["kafka"]["image"] == IMAGE
    (kafka,) = [found for found in of_kind("production", "Kafka") if found["metadata"]["name"] == CLUSTER]
    assert kafka["spec"]["kafka"]["version"] == IMAGE.rpartition(":")[2]
