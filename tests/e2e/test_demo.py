"""The demo's main path, in small, on the tests' own broker: what is shown to a newcomer is what the services do.

Beyond test_exchange: the shipped example policy as it stands, several targets for one indicator, skips and rejections
counted exactly as a naive model foresees them, and a deletion from the policy.
"""

from pathlib import Path

from rich.console import Console

from services.sandbox.demo.run import Demo
from services.sandbox.demo.seed import sample
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
