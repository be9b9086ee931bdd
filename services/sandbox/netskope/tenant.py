"""The state of one stand-in tenant, and the actions of its admin.

Invariant: requests reach this state through the routes alone; the admin pages may read, add and remove.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, JsonValue, SecretStr

from services.sandbox.netskope.auth import Auth, Token
from services.sandbox.netskope.blocking import matches_exact, matches_pattern
from services.sandbox.netskope.errors import RefusedError
from services.sandbox.netskope.events import Fabric
from services.sandbox.netskope.hashlists import HashLists
from services.sandbox.netskope.iterators import Iterators
from services.sandbox.netskope.kinds import ALERT_KINDS, EVENT_KINDS, streams_of
from services.sandbox.netskope.profiles import Profiles
from services.sandbox.netskope.seeds import SEEDS, Seed
from services.sandbox.netskope.settings import NetskopeTenant
from services.sandbox.netskope.streams import Stream
from services.sandbox.netskope.switches import NetskopeSwitches
from services.sandbox.netskope.urllists import UrlLists
from services.sandbox.tenant.calls import CallLog
from services.sandbox.tenant.clock import TenantClock
from services.sandbox.tenant.faults import FaultPlan
from services.sandbox.tenant.quota import Windows

CONCURRENCY: Final = "concurrency"
"""Vendor fault: an iterator answers 409 as if the index were being served; the cursor stays."""
PENDING_LOCK: Final = "pending_lock"
"""Vendor fault: a hash list or profile answers as if another admin had left a change."""
EXPIRED_TOKEN: Final = "expired_token"  # noqa: S105  # the name of a fault
"""Vendor fault: the call is answered as if its token had just expired."""

ITERATOR_BUCKET: Final = "iterator"
POLICY_BUCKET: Final = "policy"
V1_BUCKET: Final = "v1"

OTHER_ADMIN: Final = "admin@corp.example"


class _Admins(BaseModel):
    model_config = ConfigDict(extra="forbid")

    by: str = OTHER_ADMIN
    pending: Annotated[bool, Field(description="left as a change that waits")] = False


class _HashListSeed(_Admins):
    name: str
    hashes: list[str] = []


class _UrlListSeed(_Admins):
    name: str
    data: dict[str, JsonValue]


class _ProfileSeed(_Admins):
    name: str
    type: str = "insensitive"
    description: str = ""
    values: list[str]


class Seeds(BaseModel):
    """The body of `/_admin/seed`. Alerts are added; lists are made or edited by name; tokens replace all there were."""

    model_config = ConfigDict(extra="forbid")

    alerts: list[dict[str, JsonValue]] = []
    hash_lists: list[_HashListSeed] = []
    url_lists: list[_UrlListSeed] = []
    profiles: list[_ProfileSeed] = []
    tokens: list[Token] | None = None
    v1_token: SecretStr | None = None


class Tenant:
    """One tenant. Meant for the event loop that serves it; `seed_alerts` may be called before it is served."""

    def __init__(self, settings: NetskopeTenant, clock: TenantClock) -> None:
        self.settings = settings
        self.clock = clock
        self.switches: NetskopeSwitches = settings.switches.model_copy()
        self.faults = FaultPlan([CONCURRENCY, PENDING_LOCK, EXPIRED_TOKEN])
        self.quotas = Windows(
            {
                ITERATOR_BUCKET: settings.iterator_rate,
                POLICY_BUCKET: settings.policy_rate,
                V1_BUCKET: settings.v1_rate,
            },
            clock,
        )
        self.calls = CallLog(clock)
        self._fill()

    def _fill(self) -> None:
        settings, switches, clock = self.settings, self.switches, self.clock.time
        self.auth = Auth(settings.tokens, settings.v1_token, switches, clock)
        self.streams = {
            **{f"alerts/{kind}": Stream() for kind in ALERT_KINDS},
            **{f"events/{kind}": Stream() for kind in EVENT_KINDS},
        }
        self.iterators = Iterators(self.streams, switches, settings.page_size, clock)
        self.url_lists = UrlLists(switches, clock, settings.url_list_bytes, settings.list_limits)
        self.hash_lists = HashLists(switches, settings.hash_list_bytes)
        self.profiles = Profiles(switches, clock, settings.profile_limits)
        self._fabric = Fabric(settings.name)

    def seed_alerts(self, seeds: list[Seed]) -> int:
        """Takes alerts in, in this order; returns how many."""
        now = int(self.clock.time())
        for seed in seeds:
            stamp, body = self._fabric.record(seed, now, self.switches.stringify_every)
            for path in streams_of(seed.kind):
                self.streams[path].append(stamp, now, body)
        return len(seeds)

    def expire_alerts(self, before: int | None = None) -> int:
        """Retention: forgets records that happened before a time in epoch seconds (all of them without one)."""
        return sum(stream.expire(before) for stream in self.streams.values())

    def apply_changes(self) -> dict[str, Any]:
        """The console's "Apply Changes": everything that waits becomes policy."""
        profiles = sorted(self.profiles.pending)
        if profiles:
            self.profiles.deploy({"ids": profiles})
        return {
            "url_lists": self.url_lists.deploy(),
            "hash_lists": self.hash_lists.apply_pending(),
            "profiles": profiles,
        }

    def seed(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Takes a body of `Seeds`. Raises ValueError; lists before a wrong entry may have been taken by then."""
        seeds = Seeds.model_validate(body)
        alerts = SEEDS.validate_python(seeds.alerts)
        try:
            lists = [
                self.url_lists.seed(entry.model_dump(include={"name", "data"}), entry.by, pending=entry.pending)["id"]
                for entry in seeds.url_lists
            ]
            profiles = [
                self.profiles.seed(entry.model_dump(exclude={"by", "pending"}), entry.by, pending=entry.pending)
                for entry in seeds.profiles
            ]
        except RefusedError as refused:
            raise ValueError(f"seed: {refused}") from refused
        for entry in seeds.hash_lists:
            self.hash_lists.seed(entry.name, entry.hashes, pending=entry.pending)
        if seeds.tokens is not None:
            self.auth.tokens = seeds.tokens
        if seeds.v1_token is not None:
            self.auth.v1_token = seeds.v1_token
        return {"alerts": self.seed_alerts(alerts), "url_lists": lists, "profiles": profiles}

    def switch(self, changes: Mapping[str, Any]) -> None:
        """Changes switches, all or none. Raises ValueError."""
        wanted = NetskopeSwitches.model_validate({**self.switches.model_dump(), **changes})
        self._take_switches(wanted)

    def _take_switches(self, wanted: NetskopeSwitches) -> None:
        # In place: every part of the tenant holds this one object.
        for name in NetskopeSwitches.model_fields:
            setattr(self.switches, name, getattr(wanted, name))

    def truth(self) -> Mapping[str, Any]:
        """Applied and waiting policy, cursors, and how many records each iterator still has."""
        url_lists, profiles, hash_lists = self.url_lists, self.profiles, self.hash_lists
        return {
            "url_lists": {
                "applied": [held.resource(pending=False) for held in url_lists.applied.values()],
                "pending": [held.resource(pending=True) for held in url_lists.pending.values()],
            },
            "hash_lists": {"applied": dict(hash_lists.applied), "pending": dict(hash_lists.pending)},
            "profiles": {
                "applied": [held.resource(pending=False) for held in profiles.applied.values()],
                "pending": [held.resource(pending=True) for held in profiles.pending.values()],
            },
            "iterators": self.iterators.truth(),
            "in_flight": self.iterators.in_flight(),
            "records": {path: stream.held() for path, stream in self.streams.items() if len(stream)},
        }

    def would_block(self, address: str) -> bool:
        """Whether a policy that uses every applied URL list and profile blocks `host[:port][/path]`."""
        covers_apex = self.switches.wildcard_covers_apex
        for held in self.url_lists.applied.values():
            if held.type == "regex":
                if matches_pattern(held.urls, address):
                    return True
            elif matches_exact(held.urls, address, covers_apex=covers_apex):
                return True
        for profile in self.profiles.applied.values():
            if profile.type == "regex":
                if matches_pattern(profile.values, address):
                    return True
            elif matches_exact(profile.values, address, covers_apex=False, ignores_case=profile.type == "insensitive"):
                return True
        return False

    def reset(self) -> None:
        """Back to how it was created."""
        self._take_switches(self.settings.switches)
        self._fill()
