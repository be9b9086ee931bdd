"""Running one of the other ways as a process of its own, and reading what it says."""

import json
import subprocess
import sys
from typing import NamedTuple


class Run(NamedTuple):
    """What a rival did."""

    reports: int
    seconds: float

    @property
    def rate(self) -> float:
        """Reports per second."""
        return self.reports / self.seconds


def run_rival(module: str, *arguments: str, timeout_s: float = 300) -> Run:
    """Run `bench.rivals.<module>` to its end. Raises subprocess.SubprocessError where it fails."""
    done = subprocess.run(
        [sys.executable, "-m", f"bench.rivals.{module}", *arguments],
        capture_output=True, text=True, timeout=timeout_s, check=False,
    )  # fmt: skip
    if done.returncode:
        raise subprocess.SubprocessError(f"{module} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    last = json.loads(done.stdout.splitlines()[-1])
    return Run(last["reports"], last["seconds"])
