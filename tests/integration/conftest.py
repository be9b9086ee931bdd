"""What several integration tests share because it takes long to come about."""

import secrets
from collections.abc import Iterator

import pytest

from services.sandbox.exchange import Exchange
from tests.exercised import exercised


@pytest.fixture(scope="session")
def busy_exchange(bootstrap: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    """An exchange whose services have measured all they can. It goes on running; change nothing in it."""
    with exercised(bootstrap, f"t{secrets.token_hex(6)}", tmp_path_factory.mktemp("busy")) as exchange:
        yield exchange
