"""Stands between a program and the broker it started: `guard.py PARENT GRACE ORPHANED COMMAND…`.

Invariant: the command never outlives the parent. Run as a program of its own, with the standard library only. On
SIGTERM, or once the parent is gone, the command gets SIGTERM and, GRACE seconds later, SIGKILL; the folder ORPHANED
(`-` for none) is removed if no parent is left to do it. The first line on standard output is the command's process id,
or why it could not be started. (A child that asks the kernel to die with its parent dies with the parent's *thread*,
which is too early when a worker thread started the broker.)
"""

import ctypes
import os
import shutil
import signal
import subprocess
import sys

_PR_SET_PDEATHSIG = 1


def _die_with_guard() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _ended(child: "subprocess.Popen[bytes]", seconds: float) -> bool:
    try:
        child.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def main(parent: int, grace: float, orphaned: str, command: list[str]) -> int:
    """Run `command` until it ends, the parent is gone or SIGTERM comes; return the exit code to end with."""
    asked: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: asked.append(number))
    try:
        child = subprocess.Popen(  # noqa: S603 - the parent is this package
            command,
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr.fileno(),
            preexec_fn=_die_with_guard if sys.platform == "linux" else None,  # noqa: PLW1509 - one thread only
        )
    except OSError as error:
        sys.stdout.write(f"{error.strerror}\n")
        return 126
    sys.stdout.write(f"{child.pid}\n")
    sys.stdout.flush()
    while not asked and os.getppid() == parent and not _ended(child, 0.1):
        pass
    if child.poll() is None:
        child.terminate()
        if not _ended(child, grace):
            child.kill()
            child.wait()
    if orphaned != "-" and os.getppid() != parent:
        shutil.rmtree(orphaned, ignore_errors=True)
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3], sys.argv[4:]))
