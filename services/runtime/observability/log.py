"""Logs: one JSON object per line on stderr. Registered secrets, and values named like one, are blanked."""

import json
import logging
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

from services.runtime.observability.repeated_lines import RepeatedLines

_CHATTY = ("kafka", "aiokafka", "httpx", "httpcore", "faust", "mode")
_SECRET_NAMES = ("secret", "token", "password", "authorization")
_secrets: set[str] = set()

Logger = structlog.stdlib.BoundLogger


def hide(secret: str) -> str:
    """Register a secret so that no log line shows it. Returns the secret."""
    if len(secret) >= 4:  # shorter ones would blank ordinary text
        # Also in the quoted forms that exceptions and JSON texts contain.
        _secrets.update((secret, repr(secret)[1:-1], json.dumps(secret)[1:-1]))
    return secret


def redact(text: str) -> str:
    """Return the text with every registered secret blanked."""
    # Longest first: a secret may begin with another one.
    for secret in sorted(_secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


def _redact_event(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name, value in event.items():
        if not name.startswith("_"):  # structlog's own, which do not reach the line
            event[name] = _clean(name, value)
    return event


def _clean(name: str, value: object) -> object:
    """Return the value without secrets, in its shape. A value that is named like a secret counts as one."""
    match value:
        case None | bool() | int() | float():
            return value
        case Mapping():
            return {redact(str(key)): _clean(str(key), inner) for key, inner in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_clean(name, inner) for inner in value]
        case _ if any(part in name.lower() for part in _SECRET_NAMES):
            return "***"
        case _:
            return redact(str(value))


def configure(level: str, service: str) -> None:
    """Set up JSON logging for the process, including the lines of libraries."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        _redact_event,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    handler.addFilter(RepeatedLines(("kafka", "aiokafka")))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for chatty in _CHATTY:
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))
    structlog.contextvars.bind_contextvars(service=service)


def get(name: str) -> Logger:
    """Return the logger of a module."""
    logger: Logger = structlog.stdlib.get_logger(name)
    return logger
