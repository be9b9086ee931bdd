"""What befalls an exchange in a campaign: kills and pauses of processes, faults of vendors, junk at every edge.

Random by a seed; what happened is counted by name. `relieve` ends all of it, so that the tenants can come to rest.
"""

import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from typing import Any

import httpx
import orjson

from services.runtime.kafka import clients
from services.runtime.kafka.record_headers import sendable
from services.sandbox.exchange import Exchange
from services.sandbox.kafka import EmbeddedKafka
from services.sandbox.tenant.serve import TenantServer
from tests.campaign.inputs import Inputs
from tests.faults import test_defender, test_netskope

LONGEST_PAUSE_S = 10.0
"""Longer than the session timeout of tests, 6 s: a process that slept so long has lost what it owned."""
_REJECTED_FOR_GOOD = ("refused", "entry_refused")
"""What a vendor says so is not tried again unasked, and rightly missing afterwards; the fault suite has them."""
_UNSHARED = "row of others"


class Misfortune:
    """The faults of one campaign. Used by one thread."""

    def __init__(self, exchange: Exchange, broker: EmbeddedKafka, inputs: Inputs, dice: random.Random) -> None:
        self.counts: Counter[str] = Counter()
        self.ends: Counter[str] = Counter()
        """How processes ended, by name and exit code."""
        self.unforeseen: list[str] = []
        """Ends that no fault explains: an exit code other than 0 or 75."""
        self.odd_rows: set[str] = set()
        self._exchange = exchange
        self._broker = broker
        self._inputs = inputs
        self._dice = dice
        self._paused: dict[str, float] = {}
        self._killed: set[str] = set()
        self._kinds: list[tuple[int, Callable[[], None]]] = [
            (6, self._kill), (4, self._leave), (6, self._pause), (1, self._pause_broker), (1, self._kill_broker),
            (30, self._defender_fault), (30, self._netskope_fault), (7, self._odd_row), (7, self._odd_alert),
            (8, self._junk_record),
        ]  # fmt: skip

    @property
    def total(self) -> int:
        """Faults so far."""
        return sum(self.counts.values())

    def befall(self) -> None:
        """Let one fault happen."""
        weights, kinds = zip(*self._kinds, strict=True)
        self._dice.choices(kinds, weights)[0]()

    def tend(self) -> None:
        """Wake up what has slept long enough and start what has ended, as an orchestrator does."""
        for name, until in list(self._paused.items()):
            if time.monotonic() >= until:
                self._exchange.services[name].signal(signal.SIGCONT)
                del self._paused[name]
        for name, service in list(self._exchange.services.items()):
            code = service.exit_code
            if code is None:
                continue
            self.ends[f"{name} {code}"] += 1
            if code not in {0, 75} and name not in self._killed:
                self.unforeseen.append(service.how_it_ended())
            self._killed.discard(name)
            self._paused.pop(name, None)
            self._exchange.start(name)

    def relieve(self) -> None:
        """No vendor fails any more, and everything is awake."""
        for tenant in (self._exchange.mde, self._exchange.netskope):
            self._exchange.admin(tenant, "DELETE", "faults")
        self._paused = dict.fromkeys(self._paused, 0.0)
        self.tend()

    def _victim(self) -> str | None:
        """A process that is at work: what has only just been started has had its share."""
        ready = [name for name in self._exchange.services if name not in self._paused and self._is_ready(name)]
        return self._dice.choice(sorted(ready)) if ready else None

    def _is_ready(self, name: str) -> bool:
        service = self._exchange.services[name]
        if service.exit_code is not None:
            return False
        try:
            answer = httpx.get(f"http://127.0.0.1:{service.port}/readyz", trust_env=False, timeout=2)
        except httpx.TransportError:
            return False
        return answer.status_code == httpx.codes.OK

    def _kill(self) -> None:
        if name := self._victim():
            self._killed.add(name)
            self._exchange.services[name].signal(signal.SIGKILL)
            self.counts[f"{name} killed"] += 1

    def _leave(self) -> None:
        if name := self._victim():
            self._exchange.services[name].ask_to_leave()
            self.counts[f"{name} asked to leave"] += 1

    def _pause(self) -> None:
        if name := self._victim():
            self._exchange.services[name].signal(signal.SIGSTOP)
            self._paused[name] = time.monotonic() + self._dice.uniform(0.2, LONGEST_PAUSE_S)
            self.counts[f"{name} paused"] += 1

    def _pause_broker(self) -> None:
        self._broker.pause(self._dice.uniform(0.2, 3))
        self.counts["Kafka paused"] += 1

    def _kill_broker(self) -> None:
        self._broker.kill()
        self._broker.start()
        self.counts["Kafka killed"] += 1

    def _defender_fault(self) -> None:
        self._vendor_fault(self._exchange.mde, test_defender.FAULTS, "Defender")

    def _netskope_fault(self) -> None:
        self._vendor_fault(self._exchange.netskope, test_netskope.FAULTS, "Netskope")

    def _vendor_fault(self, tenant: TenantServer, kinds: dict[str, dict[str, Any]], vendor: str) -> None:
        name = self._dice.choice([name for name in kinds if name not in _REJECTED_FOR_GOOD])
        times, skip = self._dice.randrange(1, 4), self._dice.randrange(3)
        fault = {"path": "/api/", **kinds[name], "times": times, "skip": skip, "seed": self._dice.randrange(1_000)}
        self._exchange.admin(tenant, "POST", "faults", fault)
        self.counts[f"{vendor} {name}"] += 1

    def _odd_row(self) -> None:
        """A row of somebody else that Defender shows with fields of other types."""
        value = f"{_UNSHARED} {len(self.odd_rows)}"
        (id_,) = self._exchange.admin(self._exchange.mde, "POST", "seed", {"rows": [{"indicatorValue": value}]})["ids"]
        app: Any = self._exchange.mde.app
        row = app.state.tenant.indicators.rows[id_]
        row._json = orjson.dumps({**orjson.loads(row.json), **self._inputs.odd_row()})
        self.odd_rows.add(id_)
        self.counts["odd row at Defender"] += 1

    def _odd_alert(self) -> None:
        self._exchange.admin(self._exchange.netskope, "POST", "seed", {"alerts": [self._inputs.odd_alert()]})
        self.counts["odd alert at Netskope"] += 1

    def _junk_record(self) -> None:
        """A record in a topic that services read, of which most cannot be decoded."""
        topics = self._exchange.settings.topics
        name = self._dice.choice(["reports", "policy", "requests"])
        topic = {"reports": topics.reports, "policy": topics.policy, "requests": topics.requests}[name]
        value, headers = self._inputs.record(name)
        key = f"rule/junk{self.total}".encode() if name == "policy" else b"nobody"
        partition = self._dice.randrange(topic.partitions)
        with closing(clients.producer(self._exchange.settings)) as producer:
            producer.send(topic.name, value, key=key, partition=partition, headers=sendable(headers))
            producer.flush()
        self.counts[f"junk in {topic.name.removeprefix(self._exchange.settings.topic_prefix)}"] += 1
