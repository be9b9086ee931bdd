"""What adapters rely on inside libraries is still there, and nothing else reaches into a library.

A failure here is the first incompatible release of a library: its text says which adapter to look at, and for what.
"""

import ast
import importlib
import inspect
import re
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import pytest

from services.router.engine import aiokafka_internals, faust_internals
from services.runtime.kafka import kafka_python_internals
from services.runtime.kafka.private_use import PrivateUse

ROOT = Path(__file__).parents[2]
ADAPTERS: dict[str, ModuleType] = {
    "kafka-python": kafka_python_internals, "aiokafka": aiokafka_internals, "faust-streaming": faust_internals,
}  # fmt: skip
USES = [(library, use) for library, adapter in ADAPTERS.items() for use in adapter.USES]
LIBRARIES = ("faust", "mode", "aiokafka", "kafka")


def source(place: str) -> str:
    """The source at a place, as the library ships it, without comments and with single blanks.

    Adapters have put functions of their own in some of these places, so it is read from the file.
    """
    module, _, name = place.partition(":")
    text = inspect.getsource(importlib.import_module(module))
    node: ast.AST = ast.parse(text)
    for part in filter(None, name.split(".")):
        body = getattr(node, "body", [])
        found = [one for one in body if getattr(one, "name", None) == part]
        if not found:
            return ""
        node = found[-1]
    segment = text if isinstance(node, ast.Module) else ast.get_source_segment(text, node)
    return re.sub(r"\s+", " ", re.sub(r"(?m)^\s*#.*$", "", segment or ""))


def missing(use: PrivateUse, text: str) -> list[str]:
    """Fragments that the text does not have, in their order."""
    absent, at = [], 0
    for fragment in use.fragments:
        found = text.find(re.sub(r"\s+", " ", fragment), at)
        if found < 0:
            absent.append(fragment)
        else:
            at = found + 1
    return absent


@pytest.mark.parametrize(("library", "use"), USES, ids=[use.place for _, use in USES])
def test_what_an_adapter_relies_on_is_still_there(library: str, use: PrivateUse) -> None:
    absent = missing(use, source(use.place))
    assert not absent, (
        f"{library} {version(library)}: {use.place} has no {absent} any more. Look at {ADAPTERS[library].__name__}:"
        f" {use.look_at}"
    )


@pytest.mark.parametrize(("library", "use"), USES, ids=[use.place for _, use in USES])
def test_a_release_that_renames_moves_or_reorders_it_is_found(library: str, use: PrivateUse) -> None:
    assert missing(use, "") == list(use.fragments)
    for fragment in use.fragments:
        changed = source(use.place).replace(re.sub(r"\s+", " ", fragment), "changed")
        assert missing(use, changed), fragment
    assert source("kafka.record.default_records:DefaultRecordBatch.gone") == ""


def private_uses(path: Path) -> list[str]:
    """Where a module uses a private attribute of something else, or replaces an attribute of a library's module."""
    tree = ast.parse(path.read_text("utf-8"))
    libraries = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in LIBRARIES
        for alias in node.names
    }
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name | ast.Attribute):
            owner = ast.unparse(node.value)
            is_private = node.attr.startswith("_") and not node.attr.startswith("__")
            is_written = isinstance(node.ctx, ast.Store) and owner in libraries
            if (is_private and owner.split(".")[-1] in libraries) or is_written:
                found.append(f"{path.relative_to(ROOT)}:{node.lineno}: {ast.unparse(node)}")
    return found


def test_nothing_but_an_adapter_reaches_into_a_library() -> None:
    """Ruff's SLF001 holds the rest: no module but an adapter may use a private attribute, and none may be excused."""
    modules = [path for path in (ROOT / "services").rglob("*.py") if not path.name.endswith("_internals.py")]
    assert [line for path in modules for line in private_uses(path)] == []
    excused = [path for path in modules if re.search(r"\b_\w+ .*noqa: SLF001", path.read_text("utf-8"))]
    assert [path for path in excused if "kafka" in path.read_text("utf-8") or "faust" in path.read_text("utf-8")] == []
