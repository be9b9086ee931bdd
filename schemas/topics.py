"""Every topic: name, partitions and retention. The only definition of topics.

Names begin with a prefix (`ioc`), so that several installations, or tests, share a cluster.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

DAY_MS = 24 * 60 * 60 * 1000
DEFAULT_PARTITIONS = 12
LEASE_PARTITIONS = 12


@dataclass(frozen=True, slots=True)
class Topic:
    """The desired form of a topic. `config` holds the settings that are checked, by Kafka's own names.

    `key`, `written_by` and `read_by` are for people: the reference page is made from them.
    """

    name: str
    partitions: int
    config: dict[str, str] = field(default_factory=dict)
    key: str = ""
    written_by: str = ""
    read_by: str = ""


@dataclass(frozen=True, slots=True)
class _Use:
    key: str
    written_by: str
    read_by: str


def _compacted(name: str, use: _Use, partitions: int = 1) -> Topic:
    # Tombstones must outlive the longest pause of a reader in mid-topic. Kafka's default of a day is too short.
    config = {"cleanup.policy": "compact", "delete.retention.ms": str(7 * DAY_MS)}
    return Topic(name, partitions, config, use.key, use.written_by, use.read_by)


def _kept(name: str, use: _Use, partitions: int, days: int) -> Topic:
    config = {"cleanup.policy": "delete", "retention.ms": str(days * DAY_MS)}
    return Topic(name, partitions, config, use.key, use.written_by, use.read_by)


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of one installation. `partitions` is the parallelism of the router; it cannot change later."""

    prefix: str = "ioc"
    partitions: int = DEFAULT_PARTITIONS

    @property
    def reports(self) -> Topic:
        """Report batches; the partition is that of the indicator id."""
        return _kept(f"{self.prefix}.reports", _Use("`<source>`", "pullers, console", "router"), self.partitions, 7)

    @property
    def indicators(self) -> Topic:
        """Merged indicators: the changelog of the router's state."""
        return _compacted(
            f"{self.prefix}.indicators",
            _Use("`<indicator id>`", "router", "router on take-over, console"),
            self.partitions,
        )

    @property
    def policy(self) -> Topic:
        """Resources, keyed `<kind>/<name>`."""
        return _compacted(f"{self.prefix}.policy", _Use("`<kind>/<name>`", "console", "every service"))

    @property
    def leases(self) -> Topic:
        """Never written. The assignment of its partitions distributes connections among the members of a group."""
        return Topic(f"{self.prefix}.leases", LEASE_PARTITIONS, written_by="nobody", read_by="pullers, pushers")

    @property
    def requests(self) -> Topic:
        """Requests to the router, one copy per partition."""
        return _kept(f"{self.prefix}.requests", _Use("`<request id>`", "console", "router"), self.partitions, 1)

    @property
    def replies(self) -> Topic:
        """The router's replies."""
        return _kept(f"{self.prefix}.replies", _Use("`<request id>`", "router", "console"), 1, 1)

    @property
    def checkpoints(self) -> Topic:
        """Checkpoints and snapshots of sources."""
        return _compacted(
            f"{self.prefix}.checkpoints", _Use("`<source>`, `<source>/<chunk>`", "pullers", "pullers on take-over")
        )

    @property
    def activity(self) -> Topic:
        """The activity log."""
        return _kept(f"{self.prefix}.activity", _Use("", "every service", "console"), 1, 30)

    @property
    def deadletters(self) -> Topic:
        """Records that could not be decoded."""
        return _kept(f"{self.prefix}.deadletters", _Use("that of the record", "every service", "console"), 1, 30)

    @property
    def resolutions(self) -> Topic:
        """Resolutions of dead letters: edited, replayed, dropped."""
        return _compacted(
            f"{self.prefix}.resolutions",
            _Use("`<dead letter id>`", "console", "console"),
        )

    @property
    def holds(self) -> Topic:
        """Holds, by their ids."""
        return _compacted(f"{self.prefix}.holds", _Use("`<hold id>`", "pullers, pushers", "console, pullers, pushers"))

    @property
    def connections(self) -> Topic:
        """State of each connection in each service."""
        return _compacted(
            f"{self.prefix}.connections",
            _Use("`<connection>/<service>`", "pullers, pushers", "console, pullers and pushers on take-over"),
        )

    def desired(self, destination: str) -> Topic:
        """Desired state of one destination."""
        return _compacted(
            f"{self.prefix}.desired.{destination}",
            _Use("`<target id>/<indicator id>`", "router", "pusher of the destination, console"),
        )

    def applied(self, destination: str) -> Topic:
        """Applied state of one destination."""
        return _compacted(
            f"{self.prefix}.applied.{destination}",
            _Use("`<target id>/<indicator id>`", "pusher of the destination", "that pusher on take-over, console"),
        )

    def all(self, destinations: Iterable[str] = ()) -> list[Topic]:
        """Every topic, with those of the given destinations."""
        fixed = [
            self.reports, self.indicators, self.policy, self.leases, self.requests,
            self.replies, self.checkpoints, self.activity, self.deadletters, self.resolutions, self.holds,
            self.connections,
        ]  # fmt: skip
        return fixed + [topic for name in destinations for topic in (self.desired(name), self.applied(name))]
