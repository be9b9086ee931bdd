"""Errors raised from inside a real process: by a hook that the process loads when Python starts, armed by a file.

The hook wraps one function. Once the file is there, the next call raises instead of doing its work, or does not go on
until the file is gone.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

HOOK = """
import asyncio, functools, importlib, inspect, json, os, sys, time
sys.path.insert(0, os.getcwd())
wanted = json.loads(os.environ["INJECT"])

def armed(arguments):
    return os.path.exists(wanted["file"]) and (wanted["first"] is None or wanted["first"] in arguments[:2])

def is_stuck(arguments):
    return wanted["error"] == "stuck" and armed(arguments)

def error():
    module, _, name = wanted["error"].rpartition(".")
    return getattr(importlib.import_module(module), name)("injected")

owner = importlib.import_module(wanted["module"])
*outer, name = wanted["function"].split(".")
for part in outer:
    owner = getattr(owner, part)
function = getattr(owner, name)
if inspect.iscoroutinefunction(function):
    async def wrapper(*arguments, **more):
        while is_stuck(arguments):
            await asyncio.sleep(0.1)
        if armed(arguments):
            raise error()
        return await function(*arguments, **more)
else:
    def wrapper(*arguments, **more):
        while is_stuck(arguments):
            time.sleep(0.1)
        if armed(arguments):
            raise error()
        return function(*arguments, **more)
setattr(owner, name, functools.wraps(function)(wrapper))
for constant, value in wanted["constants"].items():
    module, _, name = constant.partition(":")
    assert hasattr(importlib.import_module(module), name)
    setattr(sys.modules[module], name, value)
"""
STUCK = "stuck"
"""In place of an error: the call does not go on while the injection is armed."""


@dataclass(frozen=True)
class Injection:
    """What raises which error. `first`: only where that is the first argument; None means at every call."""

    place: str
    """`module:function`, or `module:Class.method`."""
    error: str = "builtins.RuntimeError"
    first: str | int | None = None
    constants: tuple[tuple[str, float], ...] = ()
    """Other values for constants, each named `module:NAME`."""

    def __str__(self) -> str:
        return f"{self.first or self.place.rpartition(':')[2]}-{self.error.rpartition('.')[2]}"

    def environment(self, folder: Path) -> Mapping[str, str]:
        """For a process that is to have the hook, which `arm` arms."""
        folder.joinpath("sitecustomize.py").write_text(HOOK)
        module, _, function = self.place.partition(":")
        wanted = {
            "module": module, "function": function, "error": self.error, "first": self.first,
            "file": str(folder / "armed"), "constants": dict(self.constants),
        }  # fmt: skip
        paths = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
        return {"INJECT": json.dumps(wanted), "PYTHONPATH": os.pathsep.join(paths)}

    @staticmethod
    def arm(folder: Path) -> None:
        """From now on it raises."""
        folder.joinpath("armed").touch()

    @staticmethod
    def disarm(folder: Path) -> None:
        """From now on it works as it is, and what is stuck goes on."""
        folder.joinpath("armed").unlink()


def beat_of(task: str, error: str = "builtins.RuntimeError") -> Injection:
    """Raise in the loop of a task, where it says that it turned."""
    return Injection("services.runtime.observability.health:Health.beat", error, task)
