"""How a process starts and ends. On SIGTERM it finishes its unit of work and ends within 20 seconds.

The first failure of a thread or task (`supervision`) ends it within 5 seconds, with the exit code of that failure
(`exits`) and an activity record if Kafka answers.
"""

import faulthandler
import os
import signal
import sys
import threading
from collections.abc import Callable, Collection
from contextlib import ExitStack, suppress
from importlib.metadata import version
from types import FrameType

from schemas.level import Level
from schemas.topics import Topic
from services.runtime.activity import ActivityLog
from services.runtime.deadletters import DeadLetters
from services.runtime.exits import EXIT_AGAIN, EXIT_CONFIG
from services.runtime.kafka.clients import security
from services.runtime.kafka.errors import KAFKA_ERRORS
from services.runtime.kafka.topics import missing_topics
from services.runtime.observability import log, tracing
from services.runtime.observability.health import Health, HealthServer
from services.runtime.observability.metrics import BUILD
from services.runtime.policy import PolicyFollower
from services.runtime.settings import Settings, SettingsError, load
from services.runtime.supervision import Failure, Supervisor, describe
from services.runtime.timers import start_timer

STOP_WITHIN_S = 20.0
FAIL_WITHIN_S = 5.0
"""After a failure. A new process repeats what is not finished by then."""
PROCESS_FAILED = "process_failed"

_LOG = log.get(__name__)


class Context:
    """The shared parts of a running service. `stop` is set by SIGTERM, SIGINT or the first failure."""

    def __init__(self, settings: Settings, service: str, supervisor: Supervisor | None = None) -> None:
        self.settings = settings
        self.service = service
        self.supervisor = supervisor or Supervisor()
        self.stop = self.supervisor.stop
        self.health = Health()
        self.deadletters = DeadLetters(settings, service)
        self.activity = ActivityLog(settings, service, self.supervisor)
        self.policy = PolicyFollower(settings, self.deadletters, self.supervisor, self.health)

    def close(self) -> None:
        """Close the parts in reverse order of their start."""
        with ExitStack() as last:
            last.callback(self.deadletters.close)
            last.callback(self.activity.close)
            last.callback(self.policy.stop)


def run(service: str, body: Callable[[Context], None], settings_kind: type[Settings] = Settings) -> None:
    """Run a service until a signal or a failure ends it, then exit the process with its code.

    `body` returns when `stop` is set. The service is not ready until `body` has called `health.done("start")`.
    """
    try:
        settings = load(settings_kind)
    except SettingsError as error:
        sys.exit(_config_error(str(error)))
    log.configure(settings.log_level, service)
    faulthandler.enable()
    BUILD.info({"version": version("ioc-bridge"), "service": service})
    code = _run(settings, service, body)
    _LOG.info("ended", code=code)
    _exit(code)


def _run(settings: Settings, service: str, body: Callable[[Context], None]) -> int:
    supervisor = Supervisor(on_failure=lambda failure: _leave_within(FAIL_WITHIN_S, failure.exit.code))
    _leave_on_signal(supervisor.stop)
    try:
        security(settings)  # reports an unusable certificate before anything starts
        with ExitStack() as opened:
            opened.callback(tracing.enable(settings, service))
            context = Context(settings, service, supervisor)
            opened.callback(context.close)
            server = HealthServer(supervisor, context.health, settings.metrics_host, settings.metrics_port)
            opened.callback(server.close)
            _LOG.info("started", kafka=settings.kafka_bootstrap, metrics=f"{settings.metrics_host}:{server.port}")
            try:
                _serve(context, body)
            except SettingsError:
                raise
            except BaseException as error:  # noqa: BLE001  # the main thread is a task like the others
                supervisor.fail("main", error)
            if supervisor.failure:
                _tell(context, supervisor.failure)
    except SettingsError as error:
        return _config_error(str(error))
    except Exception as error:  # noqa: BLE001  # of the start or the end of the process
        supervisor.fail("main", error)
    return supervisor.failure.exit.code if supervisor.failure else 0


def _serve(context: Context, body: Callable[[Context], None]) -> None:
    topics = context.settings.topics
    context.health.wait_for("start", "the service is starting")
    context.health.wait_for("policy", f"reading {topics.policy.name}")
    if not wait_for_topics(context, (topics.policy, topics.activity, topics.deadletters)):
        return
    context.policy.start()
    context.health.done("policy")
    body(context)


def wait_for_topics(context: Context, topics: Collection[Topic]) -> bool:
    """Wait until Kafka answers and has these topics, and log what is missing. False: the process stops."""
    last = ""
    while not context.stop.is_set():
        try:
            missing = missing_topics(context.settings, topics)
        except KAFKA_ERRORS as error:
            why = f"Kafka at {context.settings.kafka_bootstrap} does not answer: {describe(error)}"
        else:
            if not missing:
                context.health.done("topics")
                return True
            why = f"{', '.join(missing)} must exist; run: ioc-bridge topics apply"
        context.health.wait_for("topics", why)
        if why != last:
            _LOG.warning("waiting for topics", why=why, kafka=context.settings.kafka_bootstrap)
        last = why
        context.stop.wait(1)
    return False


def _tell(context: Context, failure: Failure) -> None:
    """Publish the failure. If Kafka is unreachable, closing the activity log gives up in time."""
    context.activity.tell(
        Level.ERROR,
        PROCESS_FAILED,
        f"{context.service} ends because its task {failure.task} failed: {describe(failure.error)}",
        remedy=f"see exit code {failure.exit.code} in docs/operations.md",
    )


def _leave_on_signal(stop: threading.Event) -> None:
    def leave(number: int, _: FrameType | None) -> None:
        if not stop.is_set():
            stop.set()
            _leave_within(STOP_WITHIN_S, EXIT_AGAIN)
            with suppress(RuntimeError):  # a signal may arrive while a log line is being written
                _LOG.info("stopping on a signal", signal=signal.Signals(number).name)

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, leave)


def _leave_within(seconds: float, code: int) -> None:
    """End the process with `code` unless it ends by itself within `seconds`."""

    def leave() -> None:
        _LOG.error("did not end in time", allowed_s=seconds)
        faulthandler.dump_traceback()
        _exit(code)

    start_timer("leave", seconds, leave)


def _exit(code: int) -> None:
    # Without waiting for threads of libraries, which may still block on a socket; our own work is finished.
    sys.stderr.flush()
    os._exit(code)


def _config_error(lines: str) -> int:
    print("\n".join(f"ioc-bridge: {line}" for line in lines.splitlines()), file=sys.stderr)  # noqa: T201  # no log yet
    return EXIT_CONFIG
