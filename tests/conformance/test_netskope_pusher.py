"""Netskope's pusher is bound to what every pusher must do: one case for each kind of target."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.conformance.pushers import ComparingPusherConformance, LosablePusherCase, PusherCase, PusherConformance
from tests.contract.test_push_netskope_profiles import PROFILE
from tests.contract.test_push_netskope_profiles import PusherHarness as ProfileHarness
from tests.contract.test_push_netskope_tenant import PusherHarness, seeded
from tests.contract.test_sandbox_netskope_gate import Api
from tests.pushing import HASHES, LIST


class _Pushed(PusherCase):
    harness: PusherHarness
    path = "/api/v2/policy"
    values = tuple(f"h{number:02}.example" for number in range(30))

    def __init__(self, api: Api) -> None:
        api.seed(hash_lists=[{"name": HASHES.name, "hashes": [HASHES.default]}])
        self.harness = PusherHarness(api)

    def writes(self) -> int:
        return self.harness.writes()

    def later(self, seconds: float) -> None:
        self.harness.later(seconds)

    def fail_next(self) -> None:
        self.harness.api.fault("status", path=self.path, code=503)


class _UrlList(_Pushed, LosablePusherCase):
    target = LIST

    def held(self) -> set[str]:
        return {*(self.harness.urls() or ())} - {LIST.default}

    def place_theirs(self) -> set[str]:
        seeded(self.harness, "theirs.example")
        return {"theirs.example"}

    def take_out(self, *values: str) -> None:
        seeded(self.harness, *self.held() - {*values})


class _HashList(_Pushed):
    target = HASHES
    path = "/api/v1"
    values = tuple(f"{number:064x}" for number in range(1, 31))

    def held(self) -> set[str]:
        return {*self.harness.hashes()} - {HASHES.default}


class _Profile(_Pushed, LosablePusherCase):
    harness: ProfileHarness
    target = PROFILE
    path = "/api/v2/profiles"

    def __init__(self, api: Api) -> None:
        self.harness = ProfileHarness(api)

    def held(self) -> set[str]:
        values = self.harness.profiles() or []
        assert len({*values}) == len(values), "none is there twice"
        return {*values} - {PROFILE.default}

    def place_theirs(self) -> set[str]:
        self.harness.seeded("theirs.example")
        return {"theirs.example"}

    def take_out(self, *values: str) -> None:
        self.harness.seeded(*self.held() - {*values})


class TestUrlLists(ComparingPusherConformance):
    @pytest.fixture
    def case(self, netskope: Api) -> Iterator[_UrlList]:
        with closing(_UrlList(netskope)) as found:
            yield found


class TestProfiles(ComparingPusherConformance):
    @pytest.fixture
    def case(self, netskope: Api) -> Iterator[_Profile]:
        with closing(_Profile(netskope)) as found:
            yield found


class TestHashLists(PusherConformance):
    @pytest.fixture
    def case(self, netskope: Api) -> Iterator[_HashList]:
        with closing(_HashList(netskope)) as found:
            yield found
