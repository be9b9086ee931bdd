"""Who may talk to whom: computed from the policies as Kubernetes does, and held against a list of what is needed."""

from typing import Any

import pytest

from tests.deploy.overlays import labels, of_kind, pods, selected

WORKERS = {"pull-defender", "pull-netskope", "push-defender", "push-netskope"}
SERVICES = WORKERS | {"router"}
INSIDE = "kubernetes.io/metadata.name"
KAFKA = {"strimzi.io/cluster": "ioc-bridge", "strimzi.io/kind": "Kafka"}
PROMETHEUS = "monitoring"


def _for(overlay: str, pod: dict[str, Any], direction: str) -> list[dict[str, Any]]:
    """The rules of every policy that is about this pod; an AssertionError where none isolates it."""
    found = [
        policy["spec"]
        for policy in of_kind(overlay, "NetworkPolicy")
        if direction.title() in policy["spec"]["policyTypes"] and selected(policy["spec"]["podSelector"], labels(pod))
    ]
    assert found, "no policy isolates it, so it may talk to anyone"
    return [rule for spec in found for rule in spec.get(direction, [])]


def _targets(overlay: str, pod: dict[str, Any]) -> set[str]:
    """What a pod may reach, in words."""
    there = {name: labels(other) for name, other in pods(overlay)} | {"kafka": KAFKA}
    found = set()
    for rule in _for(overlay, pod, "egress"):
        ports = ",".join(str(port["port"]) for port in rule["ports"])
        for peer in rule["to"]:
            if "ipBlock" in peer:
                found.add(f"anywhere:{ports}")
            elif "namespaceSelector" in peer:
                found.add(f"{peer['namespaceSelector']['matchLabels']['kubernetes.io/metadata.name']}:{ports}")
            else:
                found |= {f"{name}:{ports}" for name, of in there.items() if selected(peer["podSelector"], of)}
    return found


def test_in_production_only_who_speaks_to_a_vendor_reaches_the_world() -> None:
    for name, pod in pods("production"):
        expected = {"kube-system:53,53", "kafka:9093"} | ({"anywhere:443"} if name in WORKERS else set())
        assert _targets("production", pod) == expected, name


def test_in_staging_nobody_reaches_the_world() -> None:
    for name, pod in pods("staging"):
        expected = {"kube-system:53,53"}
        if not name.startswith("sandbox-"):
            expected.add("kafka:9093")
        if name in WORKERS:
            expected |= {"sandbox-defender:http", "sandbox-netskope:http"}
        assert _targets("staging", pod) == expected, name


def _is_prometheus(rule: dict[str, Any]) -> bool:
    return rule["ports"] == [{"protocol": "TCP", "port": "metrics"}] and [
        peer["namespaceSelector"]["matchLabels"] for peer in rule["from"]
    ] == [{INSIDE: PROMETHEUS}]


@pytest.mark.parametrize("overlay", ["staging", "production"])
def test_only_prometheus_comes_in_for_metrics_and_only_who_is_named_for_the_api(overlay: str) -> None:
    for name, pod in pods(overlay):
        rules = _for(overlay, pod, "ingress")
        if name.startswith("sandbox-"):
            (rule,) = rules
            (peer,) = rule["from"]
            allowed = {other for other, of in pods(overlay) if selected(peer["podSelector"], labels(of))}
            assert allowed == WORKERS
        elif name in SERVICES:
            (rule,) = rules
            assert _is_prometheus(rule)
        elif name == "console":
            (rule,) = [rule for rule in rules if not _is_prometheus(rule)]
            assert rule["ports"] == [{"protocol": "TCP", "port": "api"}]
            assert [peer["namespaceSelector"]["matchLabels"] for peer in rule["from"]] == [
                {INSIDE: "ingress-nginx"}, {"ioc-bridge/console": "allowed"}
            ]  # fmt: skip
            assert len(rules) == 2
        else:
            assert not rules, name


@pytest.mark.parametrize("overlay", ["staging", "production"])
def test_what_is_not_named_is_denied(overlay: str) -> None:
    assert any(
        policy["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
        for policy in of_kind(overlay, "NetworkPolicy")
    )


def test_private_addresses_are_no_vendor() -> None:
    (policy,) = [found for found in of_kind("production", "NetworkPolicy") if found["metadata"]["name"] == "to-vendors"]
    blocks = [peer["ipBlock"] for rule in policy["spec"]["egress"] for peer in rule["to"]]
    denied = {network for block in blocks for network in block["except"]}
    assert {"10.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"} <= denied
