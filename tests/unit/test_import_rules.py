"""Services never import each other, and what they share imports none of them: also for services of later vendors.

The other rules, which name fixed rooms, are contracts of import-linter in pyproject.toml.
"""

from itertools import permutations
from pathlib import Path

import grimp
import pytest

SERVICES = Path(__file__).parents[2] / "services"
SHARED = ("services.runtime", "services.guards")
ALONE = sorted({f"services.{path.parent.name}" for path in SERVICES.glob("*/__init__.py")} - {*SHARED})


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("schemas", "services", cache_dir=None)


def chain(graph: grimp.ImportGraph, importer: str, imported: str) -> tuple[str, ...]:
    chains = graph.find_shortest_chains(importer=importer, imported=imported, as_packages=True)
    return min(chains, key=len, default=())


@pytest.mark.parametrize(("importer", "imported"), [*permutations(ALONE, 2)])
def test_services_never_import_each_other(graph: grimp.ImportGraph, importer: str, imported: str) -> None:
    assert chain(graph, importer, imported) == ()


@pytest.mark.parametrize("imported", ALONE)
@pytest.mark.parametrize("importer", SHARED)
def test_what_services_share_imports_no_service(graph: grimp.ImportGraph, importer: str, imported: str) -> None:
    assert chain(graph, importer, imported) == ()


def test_a_chain_is_found_where_there_is_one(graph: grimp.ImportGraph) -> None:
    assert len(ALONE) >= 7
    assert chain(graph, "services.console", "services.runtime")
