"""Every direct dependency is named and bound to compatible releases, and the locks keep to that."""

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "requirements"
FILES = ("runtime", "sandbox", "dev", "image")
OURS = {"services", "schemas", "tests", "bench", "deploy", "docs"}
WHERE = {
    "runtime": [path for path in (ROOT / "services").iterdir() if path.name != "sandbox"] + [ROOT / "schemas"],
    "sandbox": [ROOT / "services" / "sandbox"],
    "dev": [ROOT / "tests", ROOT / "bench", ROOT / "deploy", ROOT / "docs"],
}
"""What may be imported where."""
PARTS = {"opentelemetry": "opentelemetry-exporter-otlp-proto-http", "google": "protobuf"}
"""Packages that several distributions share, and the one that is meant here."""


def asked(name: str) -> dict[NormalizedName, Requirement]:
    """The direct dependencies of a file, and of those that it builds on."""
    found: dict[NormalizedName, Requirement] = {}
    for line in (FOLDER / f"{name}.in").read_text("utf-8").splitlines():
        if line.startswith("-r "):
            found |= asked(line.removeprefix("-r ").removesuffix(".in"))
        elif line and not line.startswith("#"):
            one = Requirement(line)
            found[canonicalize_name(one.name)] = one
    return found


def imported(paths: list[Path]) -> set[str]:
    """The packages that modules import, those of the standard library and our own apart."""
    names: set[str] = set()
    for path in (file for root in paths for file in ([root] if root.is_file() else root.rglob("*.py"))):
        if path.suffix != ".py":
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module.partition(".")[0])
    return names - set(sys.stdlib_module_names) - OURS


@pytest.mark.parametrize("name", FILES)
def test_each_direct_dependency_is_bound_to_compatible_releases(name: str) -> None:
    assert [str(one) for one in asked(name).values() if [bound.operator for bound in one.specifier] != ["~="]] == []


@pytest.mark.parametrize("name", FILES)
def test_the_lock_keeps_to_the_bounds(name: str) -> None:
    text = (FOLDER / f"{name}.txt").read_text("utf-8")
    found = re.finditer(r"^([\w.-]+)(?:\[.*?\])?==([^ ;\\]+)", text, re.MULTILINE)
    locked = {canonicalize_name(line[1]): line[2] for line in found}
    for key, one in asked(name).items():
        assert one.specifier.contains(locked[key]), f"{one}, but {locked[key]} is locked: run make lock"


@pytest.mark.parametrize("name", WHERE)
def test_what_is_imported_is_named(name: str) -> None:
    provided, known = packages_distributions(), asked(name)

    def is_named(package: str) -> bool:
        distributions = [PARTS.get(package, ""), *provided.get(package, [package])]
        return any(canonicalize_name(one) in known for one in distributions)

    assert [package for package in sorted(imported(WHERE[name])) if not is_named(package)] == []
