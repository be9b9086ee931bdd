"""An exchange that has seen everything worth measuring: work in both directions, refusals, faults, drift and a hold.

Invariant: whatever a service can measure, it has had reason to. Faults are over by the end, and both tenants are
converged again but for what a guard holds on purpose.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path

from schemas.request import Request, RequestVerb
from schemas.resources import AnyResource, resource
from services.runtime.clock import now_ms
from services.runtime.kafka import clients
from services.runtime.kafka.transactional_producer import OutgoingRecord, TransactionalProducer
from services.sandbox.exchange import MDE, NETSKOPE, Exchange
from services.sandbox.netskope.settings import NetskopeTenant
from tests.routing import settings_for
from tests.waiting import ANSWER_S, eventually

SITES, FILES, ALERTS = 24, 8, 12
_EXPIRES = date(2031, 5, 5)
_FAULTY = {"mde": (r"indicators\?", "indicators/import"), "netskope": ("dataexport", "urllist")}
"""Where each tenant fails: in a path of its puller's, and in one of its pusher's."""
_SECRETS = ("app_secret", "v1_token", "v2_token")


@contextmanager
def exercised(bootstrap: str, prefix: str, folder: Path) -> Iterator[Exchange]:
    """All five services, after all that."""
    guard = resource("Guard", "narrow", {"listing": {"atLeast": 5}, "target": {"atLeast": 5, "surgePercent": 10_000}})
    with Exchange(
        settings_for(bootstrap, prefix), folder, policy=_policy, more=[guard], netskope=NetskopeTenant(page_size=2)
    ) as exchange:
        _carry(exchange)
        _drift(exchange)
        _faults(exchange)
        _refuse(exchange)
        _undecodable(exchange)
        _ask(exchange)
        _hold(exchange)
        yield exchange


def _policy(exchange: Exchange) -> list[AnyResource]:
    """The exchange's own, with the day on which each secret expires."""
    found: list[AnyResource] = []
    for one in exchange._resources():
        if one.kind == "Connection":
            secrets = {name: ref for name in _SECRETS if (ref := getattr(one.spec, name, None))}
            dated = {name: ref.model_copy(update={"expires": _EXPIRES}) for name, ref in secrets.items()}
            spec = one.spec.model_copy(update=dated).model_dump(mode="json", exclude_none=True)
            found.append(resource("Connection", one.name, spec))
        else:
            found.append(one)
    return found


def _carry(exchange: Exchange) -> None:
    """Work in both directions, with something that each service must skip."""
    rows = [_row(f"site{number}.example") for number in range(SITES)]
    rows += [_row(f"{number:064x}", "FileSha256") for number in range(1, FILES + 1)]
    rows += [_row("2a01:4f8:aaaa:0:0:0:0:53", "IpAddress"), _row("gambling", "WebCategory")]
    rows.append(_row("http://[2a01:4f8:aaaa::54]/x", "Url"))
    exchange.admin(exchange.mde, "POST", "seed", {"rows": rows})
    alerts: list[dict[str, object]] = [{"kind": "malsite", "url": f"alert{n}.example/x"} for n in range(ALERTS)]
    alerts.append({"kind": "malsite", "url": "intranet/login"})
    exchange.admin(exchange.netskope, "POST", "seed", {"alerts": alerts})
    eventually(lambda: len(exchange.url_list()) == SITES, "sites are at Netskope")
    eventually(lambda: len(exchange.hash_list()) == FILES, "files are at Netskope")
    eventually(lambda: f"http://alert{ALERTS - 1}.example/x" in _values(exchange), "alerts are at Defender")


def _drift(exchange: Exchange) -> None:
    """Someone takes out what we put there; a service that comes back looks at once."""
    exchange.admin(exchange.mde, "POST", "rows/delete", {"values": ["http://alert0.example/x"]})
    exchange.services["push_defender"].stop()
    exchange.start("push_defender").wait_ready()
    eventually(lambda: "http://alert0.example/x" in _values(exchange), "what was taken out is back")


def _faults(exchange: Exchange) -> None:
    """Neither vendor answers as it should, for a moment, to any service; then a change goes through all the same."""
    for tenant, path in _FAULTY.items():
        for kind in ("status", "reset_before"):
            faults = [{"kind": kind, "path": one, "times": 1, "code": 503} for one in path]
            exchange.admin(getattr(exchange, tenant), "POST", "faults", faults)
    exchange.admin(exchange.mde, "POST", "seed", {"rows": [_row("afterwards.example")]})
    name = "_dmarc.alert.example"
    late = [
        {"kind": "malsite", "url": name, "threat_match_field": "domain", "threat_match_value": name},
        {"kind": "malsite", "url": "afterwards.example/y"},
    ]
    exchange.admin(exchange.netskope, "POST", "seed", {"alerts": late})
    eventually(lambda: "afterwards.example" in exchange.url_list(), "Netskope has what came after the faults")
    eventually(lambda: "http://afterwards.example/y" in _values(exchange), "Defender has it, too")


def _refuse(exchange: Exchange) -> None:
    """The directory says that the secret has expired, and Netskope that its token has."""
    exchange.admin(exchange.mde, "POST", "switches", {"secrets_expired": True})
    exchange.admin(exchange.mde, "POST", "faults", {"kind": "expire_tokens", "times": 1})
    exchange.admin(exchange.netskope, "POST", "faults", {"kind": "expired_token", "times": 1})

    def refused(service: str, reason: str) -> float:
        return exchange.services[service].total("ioc_bridge_credentials_refused_total", reason=reason)

    eventually(lambda: refused("pull_defender", "expired"), "an expired secret is counted")
    eventually(lambda: refused("pull_netskope", "forbidden") + refused("pull_netskope", "unauthorized"), "a token, too")
    exchange.admin(exchange.mde, "POST", "switches", {"secrets_expired": False})
    exchange.admin(exchange.netskope, "DELETE", "faults")


def _undecodable(exchange: Exchange) -> None:
    """A record of the policy that nobody can read."""
    with closing(TransactionalProducer(exchange.settings, "exercise")) as producer:
        producer.write([OutgoingRecord(exchange.settings.topics.policy.name, b"Rule/broken", b"{")])

    def set_aside() -> bool:
        return all(service.total("ioc_bridge_dead_letters_total") for service in exchange.services.values())

    eventually(set_aside, "every service has set it aside")


def _ask(exchange: Exchange) -> None:
    """A question to the router, and a sharing more, for which it evaluates everything again."""
    request = Request(id="exercise", verb=RequestVerb.EXPLAIN, at=now_ms(), indicator="domain:site1.example")
    with closing(clients.producer(exchange.settings)) as producer:
        for number in range(exchange.settings.partitions):
            producer.send(exchange.settings.topics.requests.name, request.encode(), partition=number).get(
                timeout=ANSWER_S
            )
    block = {"kind": "defender-action", "action": "Audit"}
    profile = {"kind": "destination-profile", "name": "from-defender"}
    exchange.apply(
        [
            resource("Sharing", "audit", {"source": NETSKOPE, "destination": MDE, "target": block}),
            resource("Sharing", "profile", {"source": MDE, "destination": NETSKOPE, "target": profile}),
        ]
    )
    router = exchange.services["router"]
    eventually(lambda: router.total("ioc_bridge_requests_total"), "the question is taken up")
    eventually(lambda: router.total("ioc_bridge_reevaluated_total"), "everything is evaluated again")
    eventually(lambda: exchange.profile("from-defender") == exchange.url_list(), "sites are in a destination profile")


def _hold(exchange: Exchange) -> None:
    """Most of a listing vanishes at once."""
    gone = [f"site{number}.example" for number in range(SITES)]
    exchange.admin(exchange.mde, "POST", "rows/delete", {"values": gone})
    puller = exchange.services["pull_defender"]
    eventually(lambda: puller.total("ioc_bridge_held", kind="listing_shrank"), "a listing that shrank is held")


def _row(value: str, kind: str = "DomainName") -> dict[str, object]:
    return {"indicatorValue": value, "indicatorType": kind, "action": "Block", "title": "t"}


def _values(exchange: Exchange) -> set[str]:
    return {str(found["indicatorValue"]) for found in exchange.defender_rows()}
