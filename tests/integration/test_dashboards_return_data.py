"""Every query of every dashboard, and every recording rule, asked of a real Prometheus that scraped running services.

IOC_BRIDGE_PICTURES names a folder into which a picture of each dashboard is drawn from what was answered.
"""

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.grafana.picture import draw
from services.sandbox.exchange import Exchange
from tests.dashboards import dashboards, panels, targets
from tests.prometheus import Prometheus, prometheus
from tests.unit.test_alert_rules import ALERTS, RECORDED
from tests.waiting import eventually

_VARIABLES = {"$__rate_interval": "1m", "$__range": "10m", "$job": ".+", "$instance": ".+", "$connection": ".+"}


@pytest.fixture(scope="module")
def scraped(busy_exchange: Exchange, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    ports = {name: service.port for name, service in busy_exchange.services.items()}
    with prometheus(tmp_path_factory.mktemp("prometheus"), ports) as found:
        carry_more(busy_exchange)
        found.wait_for_scrapes()
        yield found


def carry_more(exchange: Exchange) -> None:
    """Changes both ways while it is looked: a rate, or a percentile, is of what happens between two scrapes."""
    for number in range(3):
        rows = [{"indicatorValue": f"more{number}.example", "indicatorType": "DomainName", "action": "Block"}]
        exchange.admin(exchange.mde, "POST", "seed", {"rows": rows})
        alert = {"kind": "malsite", "url": f"more{number}.example/x"}
        exchange.admin(exchange.netskope, "POST", "seed", {"alerts": [alert]})

        def carried(number: int = number) -> bool:
            there = {str(row["indicatorValue"]) for row in exchange.defender_rows()}
            return f"more{number}.example" in exchange.url_list() and f"http://more{number}.example/x" in there

        eventually(carried, "a change is carried both ways")


def is_number(found: dict[str, Any]) -> bool:
    return not math.isnan(float(found["value"][1]))


def filled_in(expr: str) -> str:
    for name, value in _VARIABLES.items():
        expr = expr.replace(name, value)
    return expr


def test_every_query_returns_data(scraped: Prometheus) -> None:
    empty = [
        f"{target}: {target.expr}"
        for target in targets()
        if not any(is_number(found) for found in scraped.query(filled_in(target.expr)))
    ]
    assert empty == []


def test_variables_have_something_to_choose_from(scraped: Prometheus) -> None:
    assert {found["metric"]["connection"] for found in scraped.query("ioc_bridge_entries")} == {"mde", "netskope"}
    assert len(scraped.query("ioc_bridge_build_info")) == 5


@pytest.mark.parametrize("name", sorted(RECORDED))
def test_every_recording_rule_has_a_result(scraped: Prometheus, name: str) -> None:
    assert any(is_number(found) for found in scraped.query(name))


def test_what_was_provoked_is_what_alerts(scraped: Prometheus) -> None:
    pending = {found["metric"]["alertname"] for found in scraped.query("ALERTS")}
    assert {"IocBridgeGuardHolding", "IocBridgeDeadLetters"} <= pending
    assert pending <= ALERTS.keys()
    assert not pending & {"IocBridgeServiceDown", "IocBridgeServiceAbsent", "IocBridgeNotReady"}


def test_a_picture_can_be_drawn_of_each(scraped: Prometheus, tmp_path: Path) -> None:
    folder = Path(os.environ.get("IOC_BRIDGE_PICTURES") or tmp_path)
    for name, dashboard in dashboards().items():
        answers: dict[int, list[tuple[str, list[dict[str, Any]]]]] = {}
        for panel in panels(dashboard):
            answers[panel["id"]] = [
                (target["legendFormat"], scraped.query(filled_in(target["expr"]))) for target in panel["targets"]
            ]
        picture = draw(dashboard, answers)
        (folder / f"{name}.svg").write_text(picture, "utf-8")
        assert all(panel["title"] in picture for panel in panels(dashboard) if "&" not in panel["title"])
