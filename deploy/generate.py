"""`python -m deploy.generate`: writes the manifests that are made from code, then renders every overlay.

Invariant: what is generated is committed, and tests/unit/test_generated_manifests.py fails where it is stale, so that
topics, access and what runs cannot drift apart.
"""

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from deploy import rendering, strimzi, vendors
from deploy.access import grants
from schemas.topics import Topics

DEPLOY = Path(__file__).parent
_COMPONENTS = DEPLOY / "kubernetes" / "components"
_HEAD = "# Made from the code by: make manifests. Do not edit.\n"


def files() -> dict[Path, str]:
    """Every generated file and what it should hold."""
    topics = Topics()
    return {
        _COMPONENTS / "strimzi-kafka" / "topics.yaml": _yaml(strimzi.topics(topics.all())),
        _COMPONENTS / "strimzi-kafka" / "users.yaml": _yaml(strimzi.users(grants(topics))),
        _COMPONENTS / "prometheus-operator" / "rules.yaml": _yaml([_prometheus_rule()]),
        DEPLOY / "grafana" / "kustomization.yaml": _yaml([_dashboards()]),
        **vendors.files(),
    }


def _prometheus_rule() -> dict[str, Any]:
    """The alert rules of deploy/prometheus/rules, as the Prometheus operator takes them."""
    groups = [
        group
        for path in sorted((DEPLOY / "prometheus" / "rules").glob("*.yaml"))
        for group in yaml.safe_load(path.read_text("utf-8"))["groups"]
    ]
    return {
        "apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule",
        "metadata": {"name": "ioc-bridge"}, "spec": {"groups": groups},
    }  # fmt: skip


def _dashboards() -> dict[str, Any]:
    """One ConfigMap a dashboard: together they would outgrow what a ConfigMap holds, 1 MiB."""
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization",
        "configMapGenerator": [
            {"name": f"dashboard-{path.stem}", "files": [f"dashboards/{path.name}"]}
            for path in sorted((DEPLOY / "grafana" / "dashboards").glob("*.json"))
        ],
        "generatorOptions": {"disableNameSuffixHash": True, "labels": {"grafana_dashboard": "1"}},
    }  # fmt: skip


def _yaml(documents: Iterable[dict[str, Any]]) -> str:
    return _HEAD + yaml.safe_dump_all(documents, sort_keys=False)


def main() -> None:
    """Write everything anew."""
    for made in (vendors.files, files):  # the rules for Prometheus are part of what is made of them
        for path, text in made().items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
    try:
        for overlay in rendering.OVERLAYS:
            rendering.write(overlay)
    except (rendering.NoKustomizeError, subprocess.CalledProcessError) as error:
        sys.exit(f"deploy: {error}")


if __name__ == "__main__":
    main()
