"""The overlays as kustomize builds them, kept in the repository so that they can be reviewed and checked anywhere.

Invariant: a rendered file carries the digest of its sources, so a stale file is detected without kustomize. With
kustomize, the whole file is compared.
"""

import hashlib
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

KUBERNETES = Path(__file__).parent / "kubernetes"
RENDERED = KUBERNETES / "rendered"
OVERLAYS = ("dev", "staging", "production")
_GRAFANA = Path(__file__).parent / "grafana"
_MARK = "# digest of its sources: "
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class NoKustomizeError(Exception):
    """Neither kustomize nor kubectl is on this machine."""


def command() -> list[str] | None:
    """How to build an overlay on this machine, if it can be done."""
    if found := shutil.which("kustomize"):
        return [found, "build"]
    return [found, "kustomize"] if (found := shutil.which("kubectl")) else None


def digest() -> str:
    """The digest of everything that overlays are made from, dashboards apart: those are left out of what is kept."""
    sources = [
        path
        for path in [*KUBERNETES.rglob("*"), _GRAFANA / "kustomization.yaml"]
        if path.is_file() and RENDERED not in path.parents and KUBERNETES / "schemas" not in path.parents
    ]
    found = hashlib.sha256()
    for path in sorted(sources):
        found.update(f"{path.relative_to(KUBERNETES.parent).as_posix()}\n".encode())
        found.update(path.read_bytes())
    return found.hexdigest()


def build(overlay: str) -> list[dict[str, Any]]:
    """The resources of an overlay, built anew.

    Raises:
        NoKustomizeError: it cannot be built on this machine.
        CalledProcessError: kustomize refused; its output says why.

    """
    tool = command()
    if tool is None:
        raise NoKustomizeError("neither kustomize nor kubectl is here; install one to render the overlays anew")
    folder = KUBERNETES / "overlays" / overlay
    built = subprocess.run([*tool, str(folder)], check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603
    return _without_dashboards(yaml.load_all(built.stdout, _LOADER))


def write(overlay: str) -> None:
    """Build an overlay and keep it. Raises as `build`."""
    resources = build(overlay)
    RENDERED.mkdir(exist_ok=True)
    head = f"# Overlay {overlay} as kustomize builds it, dashboards apart. Made by: make manifests\n{_MARK}{digest()}\n"
    (RENDERED / f"{overlay}.yaml").write_text(head + yaml.safe_dump_all(resources, sort_keys=False), "utf-8")


def read(overlay: str) -> list[dict[str, Any]]:
    """The resources of an overlay, as they are kept."""
    return list(yaml.load_all((RENDERED / f"{overlay}.yaml").read_text("utf-8"), _LOADER))


def kept_digest(overlay: str) -> str:
    """The digest of what a kept overlay was made from."""
    lines = (RENDERED / f"{overlay}.yaml").read_text("utf-8").splitlines()
    return next((line.removeprefix(_MARK) for line in lines[:3] if line.startswith(_MARK)), "")


def _without_dashboards(resources: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [found for found in resources if "grafana_dashboard" not in found["metadata"].get("labels", {})]
