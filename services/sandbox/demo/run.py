"""Runs the demo: seed, start, converge, change at each source, compare, report; with `keep`, stay.

Invariant: the end compares the state of the tenants with the model; services supply only counts.
"""

import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from services.runtime.settings import Settings
from services.sandbox.demo import report
from services.sandbox.demo.account import agrees
from services.sandbox.demo.carry import Carrier
from services.sandbox.demo.counters import listen
from services.sandbox.demo.expect import expect
from services.sandbox.demo.seed import FOREIGN_ENTRIES, Seeded, example_policy, seeded
from services.sandbox.demo.stay import stay
from services.sandbox.demo.steps import steps
from services.sandbox.demo.tenants import POLL, SECRETS, Tenants, at_sandbox
from services.sandbox.demo.watch import Watch
from services.sandbox.demo.words import WHY
from services.sandbox.demo.world import World
from services.sandbox.exchange import SERVICES, Exchange
from services.sandbox.patience import Patience

EACH = 12
_LOOK_S = 0.1
_READY_WITHIN_S = 120.0
_LEAVE_S = 12.0
_COUNTS_WITHIN_S = 5.0


class Demo:
    """One run. `lines`: the sample; `each`: changes of one sort. `agreed`: whether all is as policy asks."""

    def __init__(
        self, settings: Settings, logs: Path, console: Console, lines: Sequence[str], each: int = EACH
    ) -> None:
        self.agreed = False
        self._console = console
        self._lines = lines
        self._each = each
        self.exchange = Exchange(
            settings, logs, services=(), policy=lambda exchange: at_sandbox(example_policy(), exchange)
        )
        self.exchange.environment |= {name: self.exchange.environment[held] for name, held in SECRETS.items()}

    def run(self, *, keep: bool = False) -> bool:
        """Play all of it and print the report. Returns whether everything is as policy asks; with `keep`, stays.

        Raises:
            ServiceFailedError: a service ended or did not become ready.
            KeyboardInterrupt: interrupted before the end.

        """
        with self.exchange:
            try:
                self._play()
                if keep:
                    self._stay()
            except KeyboardInterrupt:
                self._console.print("Stopping everything")
                raise
            finally:
                self.exchange.stop(_LEAVE_S)
        return self.agreed

    def _stay(self) -> None:
        try:
            stay(self.exchange, self._console)
        except KeyboardInterrupt:
            self._console.print("Stopping everything")

    def _play(self) -> None:
        first = seeded(self._lines, self.exchange.resources)
        world, tenants = first.world, Tenants(self.exchange, first.world)
        tenants.seed(world)
        self._say_seeded(first)
        self._start()
        carrier = Carrier(self.exchange, tenants, self._console)
        converged = carrier.settle(world, "first convergence", "all that is there already, both ways")
        before = tenants.ids_of_ours()
        for step in steps(world, self._each) if converged else ():
            converged = carrier.carry(world, step)
            world = step.changes[-1].after
            if not converged:
                break
        self._report(tenants, world, before, carrier)

    def _say_seeded(self, first: Seeded) -> None:
        say, world = self._console.print, first.world
        say(
            f"\n[bold]Seeded[/] {len(world.rows)} indicators at Defender and {len(world.alerts)} alerts at Netskope,"
            f" from {first.lines} published values"
        )
        for reason, texts in first.refused.items():
            say(f"  [dim]{len(texts)} of them refused, {reason}: {WHY.get(reason, '')}, such as {texts[0]}[/]")
        say(f"  [dim]{first.made_up} are made up to show what cannot travel, {first.at_both} are at both tenants[/]")
        say(f"  [dim]{len(FOREIGN_ENTRIES)} entries of a colleague's stand in our URL list, and in one of their own[/]")

    def _start(self) -> None:
        with Watch(self._console, "starting five services") as watch:
            for name in SERVICES:
                self.exchange.start(name)
            for name in SERVICES:
                watch.note(f"waiting for {name}")
                self.exchange.services[name].wait_ready(_READY_WITHIN_S)
            took = watch.seconds
        self._console.print(f"[bold]Five services ready[/] after {took:.1f} s, each a process: {', '.join(SERVICES)}")

    def _report(self, tenants: Tenants, world: World, ids_before: dict[tuple[str, str], str], carrier: Carrier) -> None:
        destinations = sorted({one.spec.destination for one in self.exchange.resources if one.kind == "Sharing"})
        patience = Patience(_COUNTS_WITHIN_S)
        while True:  # what has no effect at a tenant may be counted a moment later
            self.exchange.check_alive()
            told = listen(self.exchange, destinations)
            lines = carrier.account.lines(told)
            if agrees(lines) or patience.is_over():
                break
            time.sleep(_LOOK_S)
        expected, truth = expect(world), tenants.truth()
        sources = [world.source("defender"), world.source("netskope")]
        tables = [
            report.targets(expected, truth),
            report.untravelled(lines),
            report.services(told, sources, destinations),
            report.seconds(carrier.stopwatch.seconds, POLL),
        ]
        report.show(self._console, tables)
        wrong = report.differences(expected, truth) + tenants.harmed(world) + tenants.made_anew(ids_before)
        if not agrees(lines):
            wrong.append("what services counted as not travelling is not what the model foresaw: red above")
        self.agreed = not wrong
        self._console.print()
        for line in wrong:
            self._console.print(line, style="red", markup=False)
        if wrong:
            self._console.print("[bold red]The tenants are not what policy asks for.[/]")
            return
        self._console.print("[bold green]Both tenants hold what policy asks for, entry by entry.[/]")
        self._console.print(
            f"Nobody else's was touched: {len(world.rows)} rows at Defender, {2 * len(FOREIGN_ENTRIES)} entries of URL"
            " lists at Netskope. Edited rows of ours kept their ids."
        )
