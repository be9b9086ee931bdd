"""What the services of vendors need to run: made for each of `schemas.vendors.registry`, in the same way.

New vendors need no edit here. What is between `# <name>` and `# </name>` in a hand-written file is made here, too.
"""

from collections.abc import Iterable
from pathlib import Path
from string import Template

from deploy.blocks import fill
from schemas.vendors.registry import PULLERS, PUSHERS
from schemas.vendors.vendor import Service

DEPLOY = Path(__file__).parent
TEMPLATES = DEPLOY / "templates"
BASE = DEPLOY / "kubernetes" / "base"
_HEAD = "# Made from the code by: make manifests. Do not edit.\n"
_METRICS_PORT = 9464
_ROLES = {**dict.fromkeys(PULLERS, "puller"), **dict.fromkeys(PUSHERS, "pusher")}


def files() -> dict[Path, str]:
    """Every file that is made for vendors, and those that have blocks, with what they should hold."""
    found = {
        BASE / service.workload / name: text
        for service, role in _ROLES.items()
        for name, text in base(service, role).items()
    }
    found[DEPLOY / "kubernetes" / "components" / "kafka-credentials" / "passwords.yaml"] = _HEAD + "---\n".join(
        _of("password.yaml", workload=workload) for workload in (*_workloads(), "console")
    )
    for path, blocks in _blocks().items():
        found[path] = fill(path.read_text("utf-8"), blocks)
    return found


def base(service: Service, role: str) -> dict[str, str]:
    """The folder of a service in the kustomize base, by the names of its files."""
    ports = "".join(f"\n            - {{name: port-{port}, containerPort: {port}}}" for port in service.ports)
    values = {
        "workload": service.workload, "module": service.name, "role": role, "memory": service.memory_limit,
        "secret": service.secret, "ports": f"\n          ports:{ports}" if ports else "",
        "service": "\n  - service.yaml" if ports else "",
    }  # fmt: skip
    made = {
        "deployment.yaml": _of(f"{role}-deployment.yaml", **values),
        **{name: _of(name, **values) for name in ("disruption-budget.yaml", "kustomization.yaml")},
        "service-account.yaml": _of("service-account.yaml", **values),
    }
    if service.ports:
        listed = "\n".join(
            f"    - {{name: port-{port}, port: {port}, targetPort: port-{port}}}" for port in service.ports
        )
        made["service.yaml"] = _of("service.yaml", workload=service.workload, listed=listed)
    return {name: _HEAD + text for name, text in made.items()}


def _blocks() -> dict[Path, dict[str, str]]:
    """What is in which block of which hand-written file."""
    workloads = _workloads()
    compose = {
        f"{role}s": "\n\n".join(_of("compose-service.yaml", workload=found.workload, module=found.name).rstrip("\n")
                                for found in services)
        for role, services in (("puller", PULLERS), ("pusher", PUSHERS))
    }  # fmt: skip
    absent = [f'absent(ioc_bridge_build_info{{service="{name.replace("-", "_")}"}})' for name in workloads]
    return {
        BASE / "kustomization.yaml": {"resources": _list(workloads)},
        DEPLOY / "kubernetes" / "overlays" / "dev" / "kustomization.yaml": {
            "replicas": _list(f"{{name: {name}, count: 1}}" for name in workloads)
        },
        DEPLOY / "compose" / "compose.yaml": compose,
        DEPLOY / "compose" / "prometheus.yaml": {"targets": _list(f"{name}:{_METRICS_PORT}" for name in workloads)},
        DEPLOY / "prometheus" / "rules" / "alerts.yaml": {
            "absent": "expr: |-\n" + "\n".join(f"  {'or ' if number else ''}{one}" for number, one in enumerate(absent))
        },
    }


def _workloads() -> list[str]:
    """What runs from vendor to vendor, in the order of the way of an indicator."""
    return [*(found.workload for found in PULLERS), "router", *(found.workload for found in PUSHERS)]


def _list(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _of(template: str, **values: str) -> str:
    return Template((TEMPLATES / template).read_text("utf-8")).substitute(values)
