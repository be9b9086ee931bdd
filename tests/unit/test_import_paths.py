"""Each name has one import path: a module offers what it defines. An `__init__` may be the face of its package."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = [
    path
    for room in ("bench", "deploy", "docs", "schemas", "services")
    for path in (ROOT / room).rglob("*.py")
    if path.name != "__init__.py"
]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_offers_no_name_that_another_public_module_defines(path: Path) -> None:
    # mypy --strict lets nobody import a name that a module has only imported, unless `__all__` names it.
    tree = ast.parse(path.read_text("utf-8"))
    imported = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and not (node.module or "").rpartition(".")[2].startswith("_")
        for alias in node.names
    }
    offered = [
        name
        for node in tree.body
        if isinstance(node, ast.Assign) and any(isinstance(to, ast.Name) and to.id == "__all__" for to in node.targets)
        for name in ast.literal_eval(node.value)
    ]
    assert imported.isdisjoint(offered)
