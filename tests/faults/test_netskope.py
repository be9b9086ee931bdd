"""Every fault of a Netskope tenant, alone and together, with crashes: afterwards policy applies what is desired.

After the faults end: what is in a URL list or a destination profile beside the entries of others is what is desired,
less what was rejected or held; a file-hash list holds just that; nothing else is touched; and no call was refused
because of a quota.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from schemas.types import Severity
from schemas.vendors.netskope import DestinationProfile, FileHashList, UrlList
from services.push_netskope.client import NetskopeClient
from services.push_netskope.list_entries import all_of, split
from services.push_netskope.render import form_of
from services.push_netskope.service import NetskopePusher
from services.push_netskope.url_lists import plan
from services.runtime.reconciling.status_writer import StatusWriter
from services.runtime.vendors.budget import Quotas, Window
from services.runtime.vendors.netskope import QUOTAS, NetskopeSession
from services.runtime.vendors.pace import Pace
from services.runtime.vendors.session import BeforeCall
from services.sandbox.netskope.app import create_app
from services.sandbox.netskope.auth import full_access
from services.sandbox.netskope.settings import NetskopeTenant
from services.sandbox.tenant.clock import TenantClock
from services.sandbox.tenant.faults import Fault
from services.sandbox.tenant.quota import Limit
from services.sandbox.tenant.serve import TenantServer
from tests.contract import test_push_netskope_profiles as profiles
from tests.contract.netskope import ready
from tests.contract.test_sandbox_netskope_gate import TOKEN, V1_TOKEN, Api
from tests.faults.misfortune import Brittle, Misfortune, OnTime, Time, Waiting, befall, come_to_rest, own_time
from tests.pushing import HASHES, LIST

TIME = Time()
LIMIT = (8, 5.0)
TIGHT: Quotas = {bucket: (Window(*LIMIT),) for bucket in QUOTAS}
WRITES = "(append|replace|urllist|updateFileHashList|destinations(/[^/]+|/[^/]+/values)?)$"
VALUES = "(append|replace|destinations/[^/]{36}(/values)?)$"
INVALID = {
    "statusCode": 400,
    "message": [["h3.example", "is not valid"]],
    "error": "Bad Request",
    "validation_errors": [{"field": "values[0]", "message": "is not valid"}],
}
FAULTS: dict[str, dict[str, Any]] = {
    "reset_before": {"kind": "reset_before"},
    "reset_after": {"kind": "reset_after"},
    "cut": {"kind": "cut"},
    "chunk_cut": {"kind": "cut", "chunked": True},
    "empty": {"kind": "empty", "method": "GET"},
    "malformed": {"kind": "malformed"},
    "throttled": {"kind": "status", "code": 429, "body": {"message": "API rate limit exceeded"}},
    "unavailable": {"kind": "status", "code": 503},
    "failed_after": {"kind": "status", "code": 500, "commit": True},
    "gateway": {"kind": "status", "code": 502, "body": "<html>bad gateway</html>"},
    "entry_refused": {"kind": "status", "code": 400, "path": VALUES, "body": INVALID},
    "refused": {"kind": "status", "code": 400, "path": WRITES, "body": {"message": "no"}},
    "forbidden": {"kind": "status", "code": 403, "path": WRITES},
    "conflict": {"kind": "status", "code": 409, "body": {"message": "conflict"}},
    "deploy_fails": {"kind": "status", "code": 400, "path": "deploy$", "body": {"message": ["not now"]}},
    "pending": {"kind": "pending_lock", "path": "(updateFileHashList|destinations)"},
    "token": {"kind": "expired_token"},
    "slow": {"kind": "latency", "seconds": 0.01},
}
SITES = [f"h{number}.example" for number in range(12)]
FILES = [f"{number:x}" * 64 for number in range(8)]
REGEX = UrlList(kind="url-list", name="patterns", match="regex")
SPILLING = UrlList(kind="url-list", name="first", size_mb=1, overflow=("second", "third"), subdomains="exact")
FURTHER = [("second", "third"), ("third", "second"), ("second",)]
MEGABYTE = 1_080
"""Bytes of a MB: the lists of SPILLING take four entries each."""
PROFILE = DestinationProfile(kind="destination-profile", name="sites", subdomains="exact")
THEIRS = [f"theirs{number}.example" for number in range(4)]


class PusherHarness(OnTime, profiles.PusherHarness):
    """The same desk under quotas that are used up now and then, with a topic that the process may die writing."""

    time = TIME

    def __init__(self, api: Api, dice: random.Random) -> None:
        super().__init__(api)
        self.written = Brittle(dice)
        self.restart()

    def _pusher_for(self, writer: StatusWriter) -> NetskopePusher:
        session = NetskopeSession(self.connection, Waiting(TIME), before=BeforeCall(writer.check), quotas=TIGHT)
        client = NetskopeClient(session)
        pace = Pace(first_failed_s=60, longest_failed_s=60)
        return NetskopePusher(writer, client, pace=pace, clock=TIME)


@contextmanager
def serving() -> Iterator[Api]:
    rate = (Limit(*LIMIT),)
    settings = {"tokens": (full_access(TOKEN),), "v1_token": SecretStr(V1_TOKEN), "policy_rate": rate, "v1_rate": rate}
    app = create_app(NetskopeTenant.model_validate(settings), TenantClock(TIME))
    with TenantServer(app) as server, httpx.Client(base_url=server.url, trust_env=False) as http:
        yield Api(app.state.tenant, http)


@pytest.fixture(scope="module")
def served() -> Iterator[Api]:
    with serving() as api:
        yield api


@pytest.fixture
def api(served: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    ready(served, monkeypatch)
    monkeypatch.setattr(plan, "MEGABYTE", MEGABYTE)
    with own_time(TIME, monkeypatch):
        yield served


class Course(Misfortune):
    """One run: what may happen in it, and what must be so after it."""

    harness: PusherHarness

    def __init__(self, api: Api, seed: int, faults: list[str]) -> None:
        super().__init__(seed, [FAULTS[name] for name in faults])
        self.api = api
        api.seed(hash_lists=[{"name": HASHES.name, "hashes": ["f" * 64]}])
        api.seed(url_lists=[{"name": "private", "data": {"urls": ["private.example"], "type": "exact"}}])
        api.seed(profiles=[{"name": "private", "values": ["private.example"]}])
        self.harness = PusherHarness(api, self.dice)
        self.theirs: set[str] = set()
        as_said = {"subdomains": self.dice.choice(["exact", "below"])}
        self.list, self.profile = LIST.model_copy(update=as_said), PROFILE.model_copy(update=as_said)
        self.spilling = SPILLING.model_copy(update=as_said)
        self.theirs_in: dict[str, set[str]] = {name: set() for name in SPILLING.lists}
        if self.dice.random() < 0.5:
            self.stranger()

    def events(self) -> list[Callable[[], None]]:
        return [*super().events(), self.rename]

    def want(self) -> None:
        targets = ((self.list, SITES), (REGEX, SITES), (self.profile, SITES), (HASHES, FILES), (self.spilling, SITES))
        for target, values in targets:
            for value in self.dice.sample(values, 4 if target is self.spilling else 2):
                self.keys.append(self.harness.want(value, target, severity=self.dice.choice(list(Severity))))

    def drop(self) -> None:
        self.harness.drop(*self.dice.sample(self.keys, min(5, len(self.keys))))

    def stranger(self) -> None:
        """Somebody adds an entry of their own to what we share. A list they apply, a profile perhaps not yet."""
        self.theirs.add(self.dice.choice(THEIRS))
        urls = self.with_theirs(self.harness.urls() or [])
        self.api.seed(url_lists=[{"name": LIST.name, "data": {"urls": urls, "type": "exact"}}])
        values, waits = self.with_theirs(self.newest_values()), self.dice.random() < 0.3
        self.api.seed(profiles=[{"name": PROFILE.name, "values": values, "pending": waits}])
        name = self.dice.choice(SPILLING.lists)
        self.theirs_in[name] = set(self.dice.sample(THEIRS, self.dice.randrange(3)))
        held = [url for url in self.harness.urls(name) or [] if url not in THEIRS]
        urls = [*held, *sorted(self.theirs_in[name])] or [LIST.default]
        self.api.seed(url_lists=[{"name": name, "data": {"urls": urls, "type": "exact"}}])

    def rename(self) -> None:
        """Others of the further lists are named, in another order perhaps."""
        self.spilling = self.spilling.model_copy(update={"overflow": self.dice.choice(FURTHER)})
        for key, record in self.harness.desired.items():
            if record.target.id == SPILLING.id:
                self.harness.desired[key] = record.model_copy(
                    update={"target": self.spilling, "content": str(self.spilling.overflow)}
                )
                self.harness.store.desire(key, self.harness.desired[key])

    def with_theirs(self, held: list[str]) -> list[str]:
        return [*held, *(list_entry for list_entry in sorted(self.theirs) if list_entry not in held)]

    def newest_values(self) -> list[str]:
        return self.harness.profiles(PROFILE.name, "pending") or self.harness.profiles(PROFILE.name) or []

    def armed(self, fault: Fault) -> None:
        self.api.tenant.faults.add(fault)

    def check(self) -> None:
        harness = self.harness
        for entry in harness.store:
            assert entry.wanted == entry.content
            full = entry.target_id == SPILLING.id and entry.because == "list_full"
            assert full or entry.state in ("applied", "rejected"), f"{entry.key} is {entry.state}: {entry.reason}"
        assert {entry.key for entry in harness.store} == set(harness.desired)
        for target in (LIST, REGEX):
            assert isinstance(target, UrlList)
            there, expected = set(harness.urls(target.name) or ()), self.wanted(target.id)
            theirs = self.theirs if target is LIST else set()
            assert there - {target.default} == expected | theirs
            assert (target.default in there) <= (not expected and not theirs)
        self.check_spilling()
        self.check_blocked()
        values, expected = self.newest_values(), self.wanted(PROFILE.id)
        assert len(set(values)) == len(values), "nothing is written twice"
        assert set(values) - {PROFILE.default} == expected | self.theirs
        assert (PROFILE.default in values) <= (not expected and not self.theirs)
        assert expected <= set(harness.profiles(PROFILE.name) or ()), "what is ours waits for nobody"
        assert isinstance(HASHES, FileHashList)
        assert set(harness.hashes()) == (self.wanted(HASHES.id) or {HASHES.default})
        assert harness.urls("private") == harness.profiles("private") == ["private.example"]
        assert self.api.admin("calls", method="GET")["refusals"] == {}, "no quota was ever exceeded"

    def check_blocked(self) -> None:
        """What is applied is blocked, with what is below it where that is wanted; nothing else is."""
        applied = [entry for entry in self.harness.store if entry.state == "applied"]
        open_ = [entry.value for entry in self.harness.store if entry.state in ("rejected", "held")]
        shared = {entry.value for entry in applied}
        for entry in applied:
            target = self.harness.store.targets[entry.target_id]
            if isinstance(target, UrlList | DestinationProfile):
                assert self.api.tenant.would_block(entry.value)
                assert target.subdomains == "exact" or self.api.tenant.would_block(f"login.{entry.value}")
        for value in set(open_) - shared:
            assert not self.api.tenant.would_block(value)
            assert not self.api.tenant.would_block(f"login.{value}")

    def check_spilling(self) -> None:
        """Each list holds what the books say of it, beside what is of others, and is not over its limit."""
        applied = [
            entry for entry in self.harness.store.entries.get(SPILLING.id, {}).values() if entry.state == "applied"
        ]
        assert all(entry.remote_id for entry in applied), "nothing of ours is taken for somebody else's"
        by_sync_state = [split(str(entry.remote_id)) for entry in applied]
        assert {label for _, label in by_sync_state} <= {"", *(self.spilling.overflow or ())}
        for name in SPILLING.lists:
            urls = set(self.harness.urls(name) or ()) - {LIST.default}
            label = "" if name == SPILLING.name else name
            assert urls == all_of(text for text, its in by_sync_state if its == label) | self.theirs_in[name]
            assert plan.size_of_urls(urls) <= plan.capacity_of(SPILLING, 0) or urls == self.theirs_in[name]

    def wanted(self, target_id: str) -> set[str]:
        entries = self.harness.store.entries.get(target_id, {}).values()
        target = self.harness.store.targets.get(target_id, LIST)
        return all_of(str(form_of(entry, target)) for entry in entries if entry.state == "applied")

    def run(self) -> None:
        harness, dice = self.harness, self.dice
        coin = [True, False]
        self.api.switch(append_dedup=dice.choice(coin), both_copies=dice.choice(coin))
        self.api.switch(write_status=dice.choice([200, 201]), profile_invalid_status=dice.choice([400, 422]))
        self.api.switch(profile_apply=dice.choice(["auto", "pending"]), profile_dedup=dice.choice(coin))
        self.want()
        assert isinstance(harness.written, Brittle)
        harness.written.crash_share = dice.choice([0.0, 0.1, 0.3])
        befall(harness, dice, self.events())
        harness.written.crash_share = 0.0
        self.api.tenant.faults.clear()
        come_to_rest(harness)
        self.check()


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("seed", range(2))
def test_alone(api: Api, fault: str, seed: int) -> None:
    with closing(Course(api, seed, [fault])) as course:
        course.run()


@pytest.mark.parametrize("seed", range(2_000, 2_070))
def test_together(api: Api, seed: int) -> None:
    with closing(Course(api, seed, list(FAULTS))) as course:
        course.run()
