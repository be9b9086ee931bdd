"""The demo's main path, in small, on the tests' own broker: what is shown to a newcomer is what the services do.

Beyond test_exchange: the shipped example policy as it stands, several targets for one indicator, skips and rejections
counted exactly as a naive model foresees them, and a deletion from the policy.
"""

from pathlib import Path

from rich.console import Console

from services.sandbox.demo.run import Demo
from services.sandbox.demo.seed import sample
from services.sandbox.demo.stay import renew
from services.sandbox.exchange import Exchange
from tests.routing import settings_for


def test_the_example_policy_is_carried_through_as_the_model_foresees(
    bootstrap: str, prefix: str, tmp_path: Path
) -> None:
    with (tmp_path / "shown.txt").open("w") as file:
        demo = Demo(settings_for(bootstrap, prefix), tmp_path, Console(file=file, width=120), sample()[:160], each=3)
        agreed = demo.run()
    shown = (tmp_path / "shown.txt").read_text()
    assert agreed, shown
    assert "hash_type_not_supported" in shown
    assert "vendor_rejected" in shown
    assert all(service.exit_code == 0 for service in demo.exchange.services.values())


def test_a_service_that_somebody_kills_while_everything_stays_up_is_started_again(
    bootstrap: str, prefix: str, tmp_path: Path
) -> None:
    with (
        (tmp_path / "shown.txt").open("w") as file,
        Exchange(settings_for(bootstrap, prefix), tmp_path, services=("push_defender",)) as exchange,
    ):
        killed = exchange.services["push_defender"]
        killed.kill()
        renew(exchange, Console(file=file, width=120))
        fresh = exchange.services["push_defender"]
        assert fresh.exit_code is None
        renew(exchange, Console(file=file, width=120))
        assert exchange.services["push_defender"] is fresh, "what runs is let be"
    shown = (tmp_path / "shown.txt").read_text()
    assert "push_defender ended with exit code -9; a fresh one goes on" in shown
    assert f"push_defender is ready  http://127.0.0.1:{fresh.port}/metrics" in shown
