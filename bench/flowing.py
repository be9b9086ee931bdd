"""Reports routed per second while everything stored is evaluated for a new policy, beside those routed at rest."""

import time

from rich.console import Console

from bench.filled import INDICATORS, filled
from bench.result import Figure
from bench.throughput import start_router
from bench.workload import SOURCE, fill_batched, write_policy
from schemas.resources import RESOURCE, AnyResource
from services.runtime.settings import Settings
from services.sandbox.processes import ServiceProcess

FLOWING = 30_000
_LOOK_EVERY_S = 0.2


def run(console: Console) -> list[Figure]:
    """reports/s of one router at rest, and while it evaluates 300,000 stored indicators for a new policy"""
    settings = filled(console).settings
    with start_router(settings) as router:
        router.wait_ready()
        with console.status("at rest"):
            rest = _rate(router, settings, 1)
        write_policy(settings, [_aging("300d")])
        began = _await_reevaluation(router)
        with console.status("while evaluating for a new policy"):
            busy = _rate(router, settings, 2)
        if router.total("ioc_bridge_reevaluated_total") >= began + INDICATORS:
            raise RuntimeError("the evaluation was over before the reports were; nothing was measured")
    return [
        Figure("re-evaluation, reports routed at rest", rest, "reports/s"),
        Figure("re-evaluation, reports routed meanwhile", busy, "reports/s"),
        Figure("re-evaluation, reports routed meanwhile / at rest", busy / rest, "×"),
    ]


def _aging(aging: str) -> AnyResource:
    """The source as it ages otherwise: every indicator is to be evaluated for that, and none of them changes hands."""
    spec = {"type": "netskope", "tenantUrl": "http://127.0.0.1:1", "v2Token": {"env": "NONE"}, "aging": aging}
    return RESOURCE.validate_python({"kind": "Connection", "metadata": {"name": SOURCE}, "spec": spec})


def _rate(router: ServiceProcess, settings: Settings, schedule: int) -> float:
    """Write reports that are newer than all before and see how many a second are routed, from the first to the last."""
    before = router.total("ioc_bridge_routed_total")
    fill_batched(settings, FLOWING, INDICATORS, first=INDICATORS + schedule * FLOWING)
    began = time.monotonic()
    routed = router.total("ioc_bridge_routed_total") - before
    while (done := router.total("ioc_bridge_routed_total") - before) < FLOWING:
        time.sleep(_LOOK_EVERY_S)
    return (done - routed) / (time.monotonic() - began)


def _await_reevaluation(router: ServiceProcess) -> float:
    """How many had been evaluated again when it began."""
    before = router.total("ioc_bridge_reevaluated_total")
    while router.total("ioc_bridge_reevaluated_total") == before:
        time.sleep(0.02)
    return before
