"""The Defender puller against the sandbox tenant: its reports add up to what the tenant holds, whatever happens."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from schemas.marker import marker
from schemas.report import Verb
from services.runtime.vendors.errors import VendorError
from tests.contract.defender import Bench
from tests.contract.test_vendor_sessions import Sandbox


@pytest.fixture
def bench(defender: Sandbox) -> Iterator[Bench]:
    with closing(Bench(defender)) as found:
        yield found


def test_additions_edits_and_deletions_are_reported_once_each_and_a_restart_repeats_nothing(bench: Bench) -> None:
    bench.seed("a.example", "b.example", "c.example")
    bench.source.poll()
    assert bench.values() == {"a.example", "b.example", "c.example"}
    bench.delete("a.example")
    bench.seed("d.example")
    (row,) = [r for r in bench.sandbox.tenant.indicators.rows.values() if r.entity["indicatorValue"] == "b.example"]
    bench.sandbox.admin.patch(f"/_admin/rows/{row.id}", json={"severity": "High"}).raise_for_status()
    before = len(bench.committed.reports)
    bench.source.poll()
    news = {(report.verb, report.value) for report in bench.committed.reports[before:]}
    assert news == {(Verb.WITHDRAW, "a.example"), (Verb.UPDATE, "d.example"), (Verb.UPDATE, "b.example")}
    assert len(bench.committed.reports) == before + 3
    bench.restart()
    bench.source.poll()
    assert len(bench.committed.reports) == before + 3


@pytest.mark.parametrize(
    "switches",
    [
        {"page_size": 7},
        {"page_size": 7, "list_order": "newest_first", "emit_nextlink": True},
        {"page_size": 7, "list_order": "scrambled"},
    ],
)
def test_a_listing_is_whole_however_it_is_paged(bench: Bench, switches: dict[str, object]) -> None:
    bench.switch(**switches)
    values = [f"h{number}.example" for number in range(50)]
    bench.seed(*values)
    bench.source.poll()
    assert bench.values() == set(values)
    bench.delete(*values[:45])
    bench.source.poll()
    assert bench.values() == set(values[45:])


@pytest.mark.parametrize("kind", ["cut", "empty", "malformed", "reset_before", "status"])
@pytest.mark.parametrize("skip", [0, 2])
def test_a_page_that_does_not_arrive_whole_withdraws_nothing(bench: Bench, kind: str, skip: int) -> None:
    bench.switch(page_size=7)
    bench.seed(*(f"h{number}.example" for number in range(30)))
    bench.source.poll()
    before = len(bench.committed.reports)
    bench.sandbox.fault(kind, skip=skip)
    with pytest.raises(VendorError):
        bench.source.poll()
    assert len(bench.committed.reports) == before
    bench.source.poll()
    assert len(bench.values()) == 30


@pytest.mark.parametrize(
    "body", [{}, [], {"value": None}, {"value": {}}, {"value": [1]}, {"value": [{"id": ""}]}, "<html>"]
)
def test_an_answer_without_rows_is_not_an_empty_listing(bench: Bench, body: object) -> None:
    bench.seed("a.example")
    bench.source.poll()
    bench.sandbox.fault("status", code=200, body=body, times=2)  # rows that cannot be read are asked for once more
    with pytest.raises(VendorError):
        bench.source.poll()
    assert bench.values() == {"a.example"}


def test_an_emptied_tenant_withdraws_everything(bench: Bench) -> None:
    bench.seed("a.example", "b.example")
    bench.source.poll()
    bench.delete("a.example", "b.example")
    bench.source.poll()
    assert bench.values() == set()
    assert bench.committed.memory.chunks == {}


def test_rows_that_are_none_of_ours_to_report_are_told_once_with_their_reason(bench: Bench) -> None:
    bench.switch(web_category_row=True)
    bench.seed("ours.example", externalId=marker("0badcafe", "domain:ours.example"))
    bench.seed("theirs.example")
    for _ in range(3):
        bench.source.poll()
    assert bench.values() == {"theirs.example"}
    assert sorted(bench.skips()) == ["ours", "type_not_supported"]


def test_enumerations_nobody_knows_are_reported_or_skipped_but_stop_nothing(bench: Bench) -> None:
    bench.seed("a.example", "b.example")
    for field in ("action", "severity", "indicatorType"):
        bench.sandbox.fault("unknown_enum", times=1, params={"field": field, "value": "Quantum", "every": 2})
        bench.source.poll()
    assert "a.example" in bench.values()
    bench.source.poll()
    assert bench.values() == {"a.example", "b.example"}


def test_policy_says_what_is_pulled(defender: Sandbox) -> None:
    bench = Bench(defender, types=["domain"], actions=["Block"], pollInterval="7m")
    bench.seed("a.example")
    bench.seed("b.example", action="Audit")
    bench.seed("a" * 64, indicatorType="FileSha256")
    assert bench.source.poll() == 420
    assert [report.value for report in bench.committed.reports] == ["a.example"]
    assert sorted(bench.skips()) == ["filtered_action", "filtered_type"]
    bench.close()
