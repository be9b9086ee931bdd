"""Waiting for a condition instead of sleeping, with bounds that scale with the machine. No other place has bounds."""

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from services.sandbox.patience import Patience

ANSWER_S = 120
"""For a single call that cannot be bounded otherwise, seconds. Nothing but a hang takes as long on any machine."""
_LOOK_EVERY_S = 0.5


def eventually(
    condition: Callable[[], object],
    what: str,
    within_s: float = 60,
    every_s: float = 0.1,
    progress: Callable[[], object] | None = None,
) -> None:
    """Return as soon as the condition holds; fail, saying what was waited for, when it never does.

    `within_s` are seconds of a free machine. They begin anew whenever `progress` gives another value than before.
    """
    patience, seen = Patience(within_s), progress and progress()
    while not condition():
        if progress is not None and (now := progress()) != seen:
            seen = now
            patience.renew()
        assert not patience.is_over(), f"still not so after {patience.waited:.0f} s: {what}" + (
            f"; it stands at {seen}" if progress else ""
        )
        time.sleep(every_s)


def run(
    command: Sequence[str], environment: Mapping[str, str] | None = None, within_s: float = 60
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, with its output as text. One that hangs is killed, which raises TimeoutExpired."""
    patience = Patience(within_s)
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        while True:
            try:
                output, errors = process.communicate(timeout=_LOOK_EVERY_S)
            except subprocess.TimeoutExpired:
                if patience.is_over():
                    process.kill()
                    raise
            else:
                return subprocess.CompletedProcess(command, process.returncode, output, errors)


def end(process: subprocess.Popen[Any], within_s: float = 30) -> int:
    """Wait for a process that was asked to leave; its exit code. One that stays is killed, which fails the test."""
    try:
        eventually(lambda: process.poll() is not None, f"process {process.pid} leaves", within_s)
    except AssertionError:
        process.kill()
        raise
    return process.wait()
