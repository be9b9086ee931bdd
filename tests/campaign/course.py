"""The course of a campaign: rounds of legal changes under faults, after each of which the tenants must be as expected.

What is expected is the demo's naive model; what is compared are the tenants' own states. Nothing asks a service whether
all is well, but to see that a process that lives also works.
"""

import random
import secrets
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console

from schemas.resources import AnyResource, resource
from schemas.vendors.netskope import UrlList
from services.console.auth.tokens import make
from services.runtime.settings import Settings
from services.sandbox.demo import report
from services.sandbox.demo.expect import expect
from services.sandbox.demo.seed import FOREIGN_ENTRIES, example_policy
from services.sandbox.demo.tenants import SECRETS, Tenants, at_sandbox
from services.sandbox.demo.watch import Watch
from services.sandbox.demo.world import Alert, World
from services.sandbox.exchange import SERVICES, Exchange
from services.sandbox.kafka import EmbeddedKafka
from services.sandbox.patience import Patience
from services.sandbox.processes import free_port
from tests.campaign.inputs import Inputs
from tests.campaign.misfortune import Misfortune
from tests.waiting import ANSWER_S

FAULTS = 1_000
"""In a whole campaign."""
FED, FEED = "Pushed by a feed", "feed"
_REST_WITHIN_S = 600.0
"""Without progress, of a free machine: longer than any service waits before it tries a vendor again."""
_ROUND_S = 300.0
_STORM_SHARE = 0.7
"""Of a round; the rest is for the tenants to come to rest."""
_STORM_ANSWER_S = 3.0
"""For an answer of the API while it may stand still."""
_PROBES = 30
_TRY_AGAIN = {401, 429, 500, 502, 503, 504}
"""Also where the console has just been started and has not yet read who may push."""
_LOOK_S = 0.5


class Campaign:
    """One campaign on a broker of its own. `run` plays it; afterwards `wrong` has what went wrong, a line each."""

    def __init__(self, broker: EmbeddedKafka, logs: Path, console: Console, number: int, faults: int = FAULTS) -> None:
        self.wrong: list[str] = []
        self.rounds = 0
        self.input = 0
        self.harmed: list[str] = []
        self.overruns: list[str] = []
        self._faults = faults
        self._broker = broker
        self._console = console
        self._dice = random.Random(number)
        self._inputs = Inputs(number)
        self._port = free_port()
        settings = Settings(
            kafka_bootstrap=broker.bootstrap, topic_prefix=f"c{secrets.token_hex(4)}", partitions=3,
            kafka_session_timeout_s=6,
        )  # fmt: skip
        self.exchange = Exchange(settings, logs, services=(), policy=self._policy, more=self._more())
        self.exchange.environment |= {name: self.exchange.environment[held] for name, held in SECRETS.items()}
        self.exchange.environment |= {
            "IOC_BRIDGE_CONSOLE_PORT": str(self._port), "IOC_BRIDGE_CONSOLE_READ_MODEL": str(logs / "model.sqlite"),
        }  # fmt: skip
        self.misfortune = Misfortune(self.exchange, broker, self._inputs, self._dice)
        self._world = World(())
        self._tenants: Tenants
        self._fed: set[str] = set()
        self._unfed: list[tuple[str, list[Any]]] = []

    def _policy(self, exchange: Exchange) -> list[AnyResource]:
        return at_sandbox(example_policy(), exchange)

    def _more(self) -> list[AnyResource]:
        """A source that pushes, with its target; and no limits, since most of a target may change at once here."""
        self._token, hash_ = make(FEED)
        target = {"kind": "url-list", "name": FED, "subdomains": "exact"}
        return [
            resource("Connection", FEED, {"type": "api", "tokenHash": hash_}),
            resource("Sharing", FEED, {"source": FEED, "destination": "netskope", "target": target}),
            resource("Guard", "default", {"listing": {"atLeast": 1_000_000}, "target": {"atLeast": 1_000_000}}),
        ]

    def run(self, seconds: float) -> None:
        """Play it for about so long; until the tenants are at rest may take longer."""
        with self.exchange:
            try:
                self._play(seconds)
            finally:
                self.exchange.stop()

    def _play(self, seconds: float) -> None:
        policy = tuple(one for one in self.exchange.resources if one.name != FEED)
        self._world = World(policy, listed=frozenset(FOREIGN_ENTRIES))
        self._tenants = Tenants(self.exchange, self._world)
        self._tenants.seed(self._world)
        for name in (*SERVICES, "console"):
            self.exchange.start(name)
        for service in self.exchange.services.values():
            service.wait_ready(120)
        rounds = max(2, round(seconds / _ROUND_S))
        while self.rounds < rounds and not self.wrong:
            self.rounds += 1
            with Watch(self._console, f"round {self.rounds} of {rounds}") as watch:
                self._storm(seconds / rounds * _STORM_SHARE, self._faults / rounds, watch)
                rested_s = self._rest(watch)
                faults = self.misfortune.total
                self._console.print(
                    f"[bold]Round {self.rounds} of {rounds}[/] after {watch.seconds:.0f} s: {faults} faults so far,"
                    f" at rest within {rested_s:.0f} s, {len(self.wrong)} things wrong"
                )
        self._finish()

    def _storm(self, seconds: float, faults: float, watch: Watch) -> None:
        began, done = time.monotonic(), 0
        edited: set[str] = set()
        while (spent := time.monotonic() - began) < seconds:
            self.misfortune.tend()
            if done < faults * spent / seconds:
                done += 1
                self._change(edited)
                if self._dice.random() < 0.5:
                    self._unfed.append(self._inputs.pushed())
                self._feed(_STORM_ANSWER_S)
                self.misfortune.befall()
                watch.note(
                    f"{self.misfortune.total} faults, {self.input} legal changes, {len(self.misfortune.ends)} ends"
                )
            else:
                time.sleep(0.05)

    def _change(self, edited: set[str]) -> None:
        """Something legal at either tenant."""
        before, after = self._world, self._world
        for _ in range(self._dice.randrange(4)):
            after = after.with_row(self._inputs.row())
        for _ in range(self._dice.randrange(3)):
            after = after.with_alert(self._inputs.alert())
        if before.rows and self._dice.random() < 0.3:
            after = after.without_row(self._dice.choice(sorted(before.rows)))
        if before.alerts and self._dice.random() < 0.2:
            alert = self._dice.choice(before.alerts)
            if alert.value not in edited:  # two in one second have no order
                edited.add(alert.value)
                after = after.with_alert(_other(alert))
        edited |= {alert.value for alert in after.alerts[len(before.alerts) :]}
        self.input += len(after.rows) + len(after.alerts) - len(before.rows) - len(before.alerts)
        self._tenants.change(before, after)
        self._world = after

    def _feed(self, answer_s: float) -> None:
        """Push all that the API has not taken yet: while it is down or stands still, a feed tries again."""
        for host, body in list(self._unfed):
            url = f"http://127.0.0.1:{self._port}/v1/sources/{FEED}/indicators"
            token = {"Authorization": f"Bearer {self._token}"}
            try:
                said = httpx.post(url, json=body, headers=token, trust_env=False, timeout=answer_s)
            except httpx.TransportError:
                return
            if said.status_code in _TRY_AGAIN:
                return
            if said.status_code != httpx.codes.OK or said.json()["accepted"] != 1:
                self.wrong.append(f"push of {host}: {said.status_code} {said.text[:300]}")
                return
            self._unfed.remove((host, body))
            self._fed.add(host)
            self.input += 1

    def differences(self, watch: Watch | None = None) -> list[str]:
        """Where the tenants are not what is expected of them."""
        expected, truth = expect(self._world), self._tenants.truth()
        if watch:
            watch.show(expected, truth)
        found = report.differences(expected, truth)
        fed = self.exchange.url_list(FED) - {UrlList(kind="url-list", name=FED).default}
        if fed != self._fed:
            found.append(f"{FED}: {len(self._fed - fed)} missing, {len(fed - self._fed)} too many")
        return found

    def _rest(self, watch: Watch) -> float:
        """Wait until the tenants are as expected, as long as there is progress. Returns how long it took, seconds."""
        watch.note("no more faults; waiting for the tenants to be as expected")
        self.misfortune.relieve()
        began, patience, before = time.monotonic(), Patience(_REST_WITHIN_S), None
        while wrong := [*self.differences(watch), *(f"not yet pushed: {host}" for host, _ in self._unfed)]:
            self.misfortune.tend()
            self._feed(ANSWER_S)
            if wrong != before:
                before = wrong
                patience.renew()
            if patience.is_over():
                self.wrong += [f"round {self.rounds}: {line}" for line in wrong]
                break
            time.sleep(_LOOK_S)
        return time.monotonic() - began

    def _finish(self) -> None:
        """Everything that lives works: it says so, and what is new comes through every partition of it."""
        for _ in range(_PROBES):
            before = self._world
            self._world = before.with_row(self._inputs.row()).with_alert(self._inputs.alert())
            self._tenants.change(before, self._world)
        with Watch(self._console, "last changes") as watch:
            self._rest(watch)
        for name, service in self.exchange.services.items():
            service.wait_ready(120)
            for page in ("livez", "readyz"):
                answer = httpx.get(f"http://127.0.0.1:{service.port}/{page}", trust_env=False, timeout=60)
                if answer.status_code != httpx.codes.OK:
                    self.wrong.append(f"{name}: {page} says {answer.status_code}: {answer.text.strip()}")
        self.harmed = self._tenants.harmed(self._world, self.misfortune.odd_rows)
        self.overruns = self._overruns()
        self.wrong += self.harmed + self.overruns + self.misfortune.unforeseen

    def _overruns(self) -> list[str]:
        return [
            f"{vendor} refused {count} calls, over its quota of {bucket}"
            for vendor, tenant in (("Defender", self.exchange.mde), ("Netskope", self.exchange.netskope))
            for bucket, count in self.exchange.admin(tenant, "GET", "calls")["refusals"].items()
            if count
        ]


def _other(alert: Alert) -> Alert:
    return replace(alert, severity="Low" if alert.severity == "High" else "High")
