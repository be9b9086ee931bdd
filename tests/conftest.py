"""What every test may ask for. A broker is started only when a test wants one, and once for all of them."""

import os
import secrets
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

with warnings.catch_warnings():
    # kafka-python reads its schemas in a way that Python 3.11 and 3.12 call deprecated, once, when it is imported.
    warnings.filterwarnings("ignore", message="(read|open)_text is deprecated", category=DeprecationWarning)
    import kafka  # noqa: F401 - for the effect described

from services.sandbox.kafka.progress import say
from tests.broker import Choice, NoBroker, choose, ways

# A busy machine is no finding, and the same examples are tried every time.
settings.register_profile("tests", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give every test an id of its own: of those that share one only one would run, and nobody would be told."""
    for item in items:
        if operation := getattr(item, "operation_label", None):  # schemathesis makes a test for each, all of one id
            item._id = item.id.with_params(operation)
        if "bootstrap" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.kafka)
    shared = [id_ for id_, count in Counter(item.nodeid for item in items).items() if count > 1]
    if shared:
        raise pytest.UsageError(f"several tests have one id, name them apart: {', '.join(shared)}")


def _tell(config: pytest.Config, text: str) -> None:
    """A line for whoever runs the tests. One of several processes that share them out has a reporter nobody reads."""
    if hasattr(config, "workerinput"):
        say(text)
    else:
        reporter = config.pluginmanager.getplugin("terminalreporter")
        reporter.ensure_newline()
        reporter.write_line(text)


@pytest.fixture(scope="session")
def bootstrap(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of the broker the tests share; topics are told apart by `prefix`."""
    cache = Path(os.environ.get("IOC_BRIDGE_CACHE") or request.config.rootpath / ".cache")
    plugins = request.config.pluginmanager
    with ExitStack() as stack:
        # A first start downloads; who waits for it must see why, captured or not.
        with plugins.getplugin("capturemanager").global_and_fixture_disabled():
            try:
                choice: Choice | NoBroker = choose(ways(cache), stack)
            except NoBroker as error:
                choice = error
            _tell(request.config, str(choice))
        if isinstance(choice, NoBroker):
            pytest.fail(str(choice), pytrace=False)
        yield choice.bootstrap


@pytest.fixture
def prefix() -> str:
    """A prefix for topics, groups and transactional ids that no other test has: `<prefix>.reports`."""
    return f"t{secrets.token_hex(6)}"
