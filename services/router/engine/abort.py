"""Leaving at once, when nothing this process believes can be trusted any more. A fresh one takes its place."""

import os
import sys
from typing import NoReturn

from services.runtime.exits import EXIT_AGAIN
from services.runtime.observability import log

_LOG = log.get(__name__)


def abort(why: str) -> NoReturn:
    """End the process without any further step; an open transaction is ended by the next owner."""
    _LOG.error("must start afresh", why=why)
    sys.stderr.flush()
    os._exit(EXIT_AGAIN)
