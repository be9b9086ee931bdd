"""The sandbox Defender tenant that tests of puller and pusher share: served once a module, as created for each test."""

from collections.abc import Iterator

import pytest

from tests.contract.test_vendor_sessions import SECRET, Sandbox, fresh, serving


@pytest.fixture(scope="module")
def served_defender() -> Iterator[Sandbox]:
    with serving() as sandbox:
        yield sandbox


@pytest.fixture
def defender(served_defender: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    monkeypatch.setenv("PUSH_TEST_SECRET", SECRET)
    with fresh(served_defender, monkeypatch) as sandbox:
        yield sandbox
