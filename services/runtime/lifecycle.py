"""How a process begins and ends: one way in, SIGTERM finishes the unit of work, and out within 20 seconds.

Exit codes: 0 asked to leave and did; 75 (try again) lost its ownership or its footing, a fresh one must take over;
78 (configuration) the settings or a record cannot be used; 1 anything unforeseen.
"""

import faulthandler
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from types import FrameType

from kafka.errors import KafkaError

from services.runtime.activity import ActivityLog
from services.runtime.deadletters import DeadLetters, TooManyDeadLettersError
from services.runtime.kafka.leases import LeaseLostError
from services.runtime.kafka.transactional_producer import ProducerError
from services.runtime.observability import log, tracing
from services.runtime.observability.health import Health, HealthServer
from services.runtime.observability.metrics import BUILD
from services.runtime.policy import PolicyFollower
from services.runtime.settings import Settings, SettingsError, load

STOP_WITHIN_S = 20.0
EXIT_AGAIN = 75
EXIT_CONFIG = 78

_LOG = log.get(__name__)


class Context:
    """What a running service has at hand. `stop` is set when it is asked to leave."""

    def __init__(self, settings: Settings, service: str) -> None:
        self.settings = settings
        self.service = service
        self.stop = threading.Event()
        self.health = Health()
        self.deadletters = DeadLetters(settings, service)
        self.policy = PolicyFollower(settings, self.deadletters)
        self.activity = ActivityLog(settings, service)

    def close(self) -> None:
        """Close what is open, last things last."""
        self.policy.stop()
        self.activity.close()
        self.deadletters.close()


def run(service: str, body: Callable[[Context], None], settings_kind: type[Settings] = Settings) -> None:
    """Run a service until it is asked to leave, and end the process with its exit code.

    `body` tells `health` what it waits for and then that its start is done; before that it is not ready.
    """
    try:
        settings = load(settings_kind)
    except SettingsError as error:
        sys.exit(_config_error(str(error)))
    log.configure(settings.log_level, service)
    faulthandler.enable()
    BUILD.info({"version": version("ioc-bridge"), "service": service})
    code = _run(settings, service, body)
    _LOG.info("left", code=code)
    # Threads of libraries may still be waiting on a socket; everything of ours is finished or does not count.
    sys.stderr.flush()
    os._exit(code)


def _run(settings: Settings, service: str, body: Callable[[Context], None]) -> int:
    try:
        last_spans = tracing.enable(settings, service)
        context = Context(settings, service)
        _leave_on_signal(context.stop)
        server = HealthServer(context.health, settings.metrics_host, settings.metrics_port)
        _LOG.info("started", kafka=settings.kafka_bootstrap, metrics=f"{settings.metrics_host}:{server.port}")
        context.health.wait_for("start", "the service has not said yet what it waits for")
        context.health.wait_for("policy", f"reading {settings.topics.policy.name}")
        context.policy.start()
        context.health.done("policy")
        body(context)
        context.close()
        last_spans()
        server.close()
    except (LeaseLostError, ProducerError) as error:
        _LOG.error("must start afresh", why=str(error))
        return EXIT_AGAIN
    except SettingsError as error:
        return _config_error(str(error))
    except TooManyDeadLettersError as error:
        _LOG.error("stopping", why=str(error))
        return EXIT_CONFIG
    except KafkaError as error:
        _LOG.error("Kafka does not answer as it should", why=repr(error), kafka=settings.kafka_bootstrap)
        return EXIT_AGAIN
    except OSError as error:
        _LOG.error("cannot run", why=str(error), metrics=f"{settings.metrics_host}:{settings.metrics_port}")
        return EXIT_AGAIN
    return 0


def _leave_on_signal(stop: threading.Event) -> None:
    def leave(number: int, _: FrameType | None) -> None:
        if not stop.is_set():
            stop.set()
            killer = threading.Timer(STOP_WITHIN_S, _too_slow)
            killer.daemon = True
            killer.start()
            with suppress(RuntimeError):  # a signal may arrive while a log line is being written
                _LOG.info("asked to leave", signal=signal.Signals(number).name)

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, leave)


def _too_slow() -> None:
    _LOG.error("did not leave in time", allowed_s=STOP_WITHIN_S)
    faulthandler.dump_traceback()
    os._exit(EXIT_AGAIN)


def _config_error(lines: str) -> int:
    print("\n".join(f"ioc-bridge: {line}" for line in lines.splitlines()), file=sys.stderr)  # noqa: T201  # no log yet
    return EXIT_CONFIG
