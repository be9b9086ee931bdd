"""The page "Add a vendor" is true: its files and its one line make a vendor that every test of vendors passes."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from filecmp import dircmp
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "contributing" / "add-a-vendor.md"
FILE = re.compile(r"^`([\w/.-]+)`\n\n```(?:python|markdown)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ROOMS = ("schemas", "services", "deploy", "docs", "tests", "findings")
REGISTRY = "schemas/vendors/registry.py"
MAKE = """
from deploy import generate, vendors
from deploy.grafana import build
from schemas import export
for made in (vendors.files, generate.files, build.files):
    for path, text in made().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
export.write()
"""
"""What `make manifests docs dashboards` does, apart from rendering the overlays, which needs kustomize."""
TESTS = (
    "tests/conformance/test_toy.py", "tests/unit/test_vendors.py", "tests/unit/test_import_rules.py",
    "tests/unit/test_schema_compatibility.py", "tests/deploy/test_generated.py",
    "tests/deploy/test_compose.py",
)  # fmt: skip

pytestmark = pytest.mark.timeout(900)


def files() -> dict[str, str]:
    return dict(FILE.findall(PAGE.read_text("utf-8")))


def run(project: Path, *arguments: str) -> None:
    """Run Python in the copy, whose packages come before those that are installed."""
    ran = subprocess.run(
        [sys.executable, *arguments], cwd=project, text=True, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout[-8_000:]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project in which somebody followed the page."""
    copy = tmp_path_factory.mktemp("project")
    for room in ROOMS:
        if (ROOT / room).exists():
            shutil.copytree(ROOT / room, copy / room, ignore=shutil.ignore_patterns("__pycache__"))
    for path in ROOT.iterdir():
        if path.is_file():
            shutil.copy(path, copy)
    for name, text in files().items():
        path = copy / name
        assert not path.exists(), f"{name} is there already"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    registry = copy / REGISTRY
    text = registry.read_text("utf-8")
    registry.write_text(text.replace('"api")\n', '"api", "toy")\n', 1), "utf-8")
    return copy


def changed(compared: dircmp[str], at: str = "") -> Iterator[str]:
    """Files that both have and that differ."""
    yield from (f"{at}{name}" for name in compared.diff_files)
    for name, below in compared.subdirs.items():
        yield from changed(below, f"{at}{name}/")


def test_one_line_of_shared_code_changes(project: Path) -> None:
    edited = [
        name
        for room in ROOMS
        if (project / room).exists()
        for name in changed(dircmp(ROOT / room, project / room, ignore=["__pycache__"]), f"{room}/")
    ]
    assert edited == [REGISTRY]
    before, after = ((root / REGISTRY).read_text("utf-8").splitlines() for root in (ROOT, project))
    assert [new for old, new in zip(before, after, strict=True) if old != new] == [
        'NAMES = ("defender", "netskope", "api", "toy")'
    ]


def test_what_is_derived_is_made_and_every_test_of_vendors_passes(project: Path) -> None:
    run(project, "-c", MAKE)
    base = project / "deploy" / "kubernetes" / "base"
    for workload in ("pull-toy", "push-toy"):
        assert "secretName: toy-tenants" in (base / workload / "deployment.yaml").read_text("utf-8")
        for place in (
            base / "kustomization.yaml",
            project / "deploy" / "compose" / "compose.yaml",
            project / "deploy" / "compose" / "prometheus.yaml",
            project / "deploy" / "kubernetes" / "components" / "strimzi-kafka" / "users.yaml",
            project / "deploy" / "kubernetes" / "components" / "kafka-credentials" / "passwords.yaml",
        ):
            assert workload in place.read_text("utf-8"), place
    for role in ("pull", "push"):
        for name in (f"grafana/dashboards/{role}ers.json", "prometheus/rules/alerts.yaml"):
            assert f"{role}_toy" in (project / "deploy" / name).read_text("utf-8"), name
    for name in ("connection", "sharing", "desired", "applied"):
        assert "Toy" in (project / "schemas" / "json" / f"{name}.json").read_text("utf-8")
    run(project, "-m", "pytest", "--quiet", "-p", "no:cacheprovider", *TESTS)


def test_the_code_on_the_page_is_written_as_the_code_here_is(project: Path) -> None:
    written = [name for name in files() if name.endswith(".py")]
    assert len(written) == 10
    ruff = Path(sys.executable).with_name("ruff")
    for arguments in (["check"], ["format", "--check"]):
        ran = subprocess.run([ruff, *arguments, *written], cwd=project, text=True, capture_output=True, check=False)
        assert ran.returncode == 0, ran.stdout
