"""Makes changes at the tenants and watches their effects, until the model's expectation is met or time is up."""

import time
from collections.abc import Mapping, Sequence

from rich.console import Console

from services.sandbox.demo import report
from services.sandbox.demo.account import Account
from services.sandbox.demo.expect import Expected, Place, expect
from services.sandbox.demo.steps import Step, effects
from services.sandbox.demo.tenants import Tenants
from services.sandbox.demo.watch import Watch
from services.sandbox.demo.world import World
from services.sandbox.exchange import Exchange
from services.sandbox.latency import Stopwatch
from services.sandbox.patience import Patience

_WITHIN_S = 90.0
_LOOK_S = 0.1
_PACE_S = 0.2
"""Seconds from one change to the next."""


class Carrier:
    """Makes the changes of one run. `account` and `stopwatch` hold the observations so far."""

    def __init__(self, exchange: Exchange, tenants: Tenants, console: Console) -> None:
        self.account = Account()
        self.stopwatch = Stopwatch()
        self._exchange = exchange
        self._tenants = tenants
        self._console = console

    def settle(self, world: World, name: str, *says: str) -> bool:
        """Wait until the tenants hold the expected entries of a world. Returns whether they do."""
        expected = expect(world)
        self.account.follow(world, expected)
        with Watch(self._console, name) as watch:
            return self._await(expected, watch, name, says)

    def carry(self, before: World, step: Step) -> bool:
        """Make the changes of a step one by one, at a steady pace, and wait for all their effects."""
        expected = expect(before)
        with Watch(self._console, step.name) as watch:
            for number, change in enumerate(step.changes, 1):
                watch.note(f"change {number} of {len(step.changes)}, at {change.origin}")
                was, expected = expected, expect(change.after)
                self.account.follow(change.after, expected)
                at = time.monotonic()
                for effect, vendor in effects(was, expected).items():
                    self.stopwatch.began(f"{change.origin} to {vendor}", effect, at)
                self._tenants.change(before, change.after)
                before = change.after
                while self._look(expected, watch) and time.monotonic() < at + _PACE_S:
                    time.sleep(_LOOK_S)
            watch.note("waiting for the last of them")
            return self._await(expected, watch, step.name, step.says)

    def _await(self, expected: Mapping[Place, Expected], watch: Watch, name: str, says: Sequence[str]) -> bool:
        patience = Patience(_WITHIN_S)
        while (wrong := self._look(expected, watch)) and not patience.is_over():
            time.sleep(_LOOK_S)
        mark = "[red]not as it should be after[/]" if wrong else "[green]✓[/]"
        self._console.print(f"[bold]{name[0].upper()}{name[1:]}[/] {mark} {watch.seconds:.1f} s")
        for line in says:
            self._console.print(f"  [dim]{line}[/]")
        return not wrong

    def _look(self, expected: Mapping[Place, Expected], watch: Watch) -> list[str]:
        self._exchange.check_alive()
        truth = self._tenants.truth()
        self.stopwatch.look(truth)
        watch.show(expected, truth)
        return report.differences(expected, truth)
