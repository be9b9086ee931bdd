"""What every test may ask for. A broker is started only when a test wants one, and once for all of them."""

import os
import secrets
import threading
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import pytest_timeout
from hypothesis import HealthCheck, settings

with warnings.catch_warnings():
    # kafka-python reads its schemas in a way that Python 3.11 and 3.12 call deprecated, once, when it is imported.
    warnings.filterwarnings("ignore", message="(read|open)_text is deprecated", category=DeprecationWarning)
    import kafka  # noqa: F401 - for the effect described

from services.sandbox.kafka.progress import say
from services.sandbox.patience import Patience
from tests.broker import Choice, NoBroker, choose, ways
from tests.not_run import summary

# A busy machine is no finding, and the same examples are tried every time.
settings.register_profile("tests", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")
_LOOK_EVERY_S = 1.0


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


@pytest.hookimpl(tryfirst=True)
def pytest_timeout_set_timer(item: pytest.Item, settings: pytest_timeout.Settings) -> bool:
    """End a run that hangs, by a bound that scales with the machine; a test that waits is no hang on a busy one."""
    done = threading.Event()

    def watch() -> None:
        patience = Patience(settings.timeout)
        while not done.wait(_LOOK_EVERY_S):
            if patience.is_over():
                pytest_timeout.timeout_timer(item, settings)

    watcher = threading.Thread(target=watch, name=f"timeout of {item.nodeid}", daemon=True)

    def cancel() -> None:
        done.set()
        watcher.join()

    item.cancel_timeout = cancel  # type: ignore[attr-defined]  # where pytest-timeout looks for it
    watcher.start()
    return True


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Iterator[None]:
    """Say at the very end what was not run and how to have it run, a line each. Several processes report to one."""
    yield
    if lines := summary(terminalreporter.stats.get("skipped", [])):
        terminalreporter.section("what was not run", yellow=True)
        for line in lines:
            terminalreporter.write_line(line)


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
