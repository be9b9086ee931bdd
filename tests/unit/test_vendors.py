"""Vendors are registered once: shared code asks capabilities and the registry, and refuses what it does not know."""

import ast
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest

from schemas.desired import Desired
from schemas.policy import Policy
from schemas.record import UndecodableError
from schemas.resources import decode_resource, encode_resource
from schemas.targets import SharingTarget, Target
from schemas.types import IndicatorType, Severity
from schemas.vendors import registry
from schemas.vendors.registry import NAMES, PULLERS, PUSHERS, TARGETS, VENDORS, UnknownVendorError, load, vendor_of
from schemas.vendors.vendor import Service, Vendor, kind_of
from services.console.preflight import check
from services.runtime.reconciling.intake import check_target
from tests.pushing import BLOCK, HASHES, LIST, defender, desired_entry

ROOT = Path(__file__).parents[2]
OF_VENDORS = (
    "schemas/vendors", "services/runtime/vendors", "services/console/preflight", "services/sandbox",
    *(f"services/{service.name}" for service in (*PULLERS, *PUSHERS)),
)  # fmt: skip
"""Where code of one vendor may be. Everything else is shared."""
EXCEPTIONS = {
    "services/console/api/ingest.py": "the API that others push to is the console's own",
    "services/console/ingest/correction.py": "the API that others push to is the console's own",
    "services/runtime/observability/metrics.py": "every metric is defined there, also those that one service has",
}


def shared_code() -> Iterator[Path]:
    for room in ("schemas", "services", "deploy", "docs/tooling"):
        for path in (ROOT / room).rglob("*.py"):
            place = path.relative_to(ROOT).as_posix()
            if not place.startswith(tuple(f"{folder}/" for folder in OF_VENDORS)) and place not in EXCEPTIONS:
                yield path


def named_vendors(tree: ast.AST) -> Iterator[str]:
    """Modules of vendors that are imported, and names of vendors, services and targets that are compared or listed."""
    names = {*VENDORS, *TARGETS, *(service.name for service in (*PULLERS, *PUSHERS))}
    names |= {service.workload for service in (*PULLERS, *PUSHERS)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module in {f"schemas.vendors.{name}" for name in NAMES}:
            yield node.module
        elif isinstance(node, ast.Constant) and node.value in names - {"api"}:
            yield str(node.value)


def test_shared_code_names_no_vendor_no_service_of_one_and_no_kind_of_target() -> None:
    paths = list(shared_code())
    assert len(paths) > 150
    found = {
        path.relative_to(ROOT).as_posix(): names
        for path in paths
        if (names := list(named_vendors(ast.parse(path.read_text("utf-8")))))
    }
    assert found == {}, "ask the target, the connection or schemas.vendors.registry instead"


@pytest.mark.parametrize("vendor", VENDORS.values(), ids=lambda vendor: vendor.name)
def test_what_is_registered_is_there(vendor: Vendor) -> None:
    assert kind_of(vendor.spec, "type") == vendor.name
    for service in filter(None, (vendor.puller, vendor.pusher)):
        assert find_spec(f"services.{service.name}.__main__"), service
    assert callable(import_module(f"services.console.preflight.{vendor.name}").findings)
    assert not vendor.targets or (ROOT / "docs" / "setup" / f"{vendor.name}.md").exists()
    assert {kind_of(written) for written in vendor.sharing_targets} == set(vendor.target_kinds)


@pytest.mark.parametrize("target", TARGETS.values())
def test_a_target_says_what_it_can_do(target: type[Target]) -> None:
    assert target.id is not Target.id
    assert target.refuses is not Target.refuses
    assert target.unsent | target.newer <= set(target.model_fields)


def test_a_sharing_target_knows_every_place_that_it_may_mean() -> None:
    for written in (LIST, HASHES):
        assert isinstance(written, SharingTarget)
        assert written.target_ids() == [written.id]
        assert written.resolve(IndicatorType.SHA1, Severity.HIGH) == written.refuses(IndicatorType.SHA1)


TOY_PUSHER = Service("push_toy", "toy-tenants")
API, NETSKOPE = VENDORS["api"], VENDORS["netskope"]


@pytest.mark.parametrize(
    ("vendor", "problem"),
    [
        (Vendor("other", "Other", API.spec), "named after its module"),
        (Vendor("toy", "Toy", API.spec, pusher=TOY_PUSHER), "or neither"),
        (Vendor("toy", "Toy", API.spec, NETSKOPE.targets, pusher=TOY_PUSHER), "both register the target url-list"),
    ],
)
def test_a_registration_that_cannot_work_is_refused(
    vendor: Vendor, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    modules = {name: SimpleNamespace(VENDOR=known) for name, known in VENDORS.items()} | {
        "toy": SimpleNamespace(VENDOR=vendor)
    }
    monkeypatch.setattr(registry, "import_module", lambda path: modules[path.rpartition(".")[2]])
    with pytest.raises(ValueError, match=problem):
        load(["defender", "netskope", "toy"])


def test_a_type_that_nobody_registered_is_refused_by_name() -> None:
    with pytest.raises(UnknownVendorError, match="no vendor is registered for connections of type 'other'; known"):
        vendor_of("other")


def test_records_of_kinds_that_nobody_registered_are_refused_with_those_that_there_are() -> None:
    connection = encode_resource(defender("http://127.0.0.1:1", "t", "a")).replace(b'"defender"', b'"other"')
    with pytest.raises(UndecodableError, match="'other' found using 'type' does not match any"):
        decode_resource(connection)
    desired = desired_entry("a.example", LIST)[1].encode().replace(b'"url-list"', b'"other"')
    with pytest.raises(UndecodableError, match="'other' found using 'kind' does not match any"):
        Desired.decode(desired)


def test_a_pusher_sets_aside_entries_for_targets_that_its_vendor_does_not_have() -> None:
    for vendor, target in (("defender", LIST), ("defender", HASHES), ("netskope", BLOCK)):
        with pytest.raises(UndecodableError, match=f"{vendor} connections have no {target.kind} target; they have "):
            check_target(VENDORS[vendor], desired_entry("a.example", target)[1])
    check_target(VENDORS["netskope"], desired_entry("a.example", LIST)[1])
    check_target(VENDORS["defender"], desired_entry("a.example", BLOCK)[1])


def test_preflight_fails_for_a_connection_that_it_has_no_check_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "find_spec", lambda _: None)
    connection = defender("http://127.0.0.1:1", "t", "a")
    (finding,) = check.check(Policy.of([connection]))
    assert (finding.ok, finding.what) == (False, "preflight")
    assert "services.console.preflight.defender is missing" in finding.text
