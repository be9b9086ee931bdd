"""The tour is true: every command of docs/tour.md is run, in order, on a whole exchange, and says what the page says.

How the page is read: a fence with a file in it belongs to the last file name in the text before it that has its suffix;
`<name>` stands for what an earlier output had in that place; `…` for any text, alone in a line for any lines; columns
may be as wide as they like. What changes nothing is asked again until it says what the page says: it takes a moment.
"""

import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest
from typer.testing import CliRunner

from services.console.__main__ import app
from services.sandbox.defender.settings import AppRegistration, DefenderTenant
from services.sandbox.demo.tenants import SECRETS
from services.sandbox.exchange import Exchange
from services.sandbox.patience import Patience
from services.sandbox.processes import free_port
from tests.routing import settings_for

PAGE = (Path(__file__).parents[2] / "docs" / "tour.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `(.+)` \| (\w+) \| (\w+) \| (.+) \|$", re.MULTILINE)
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAME = re.compile(r"<(\w+)>")
ONCE = ("apply", "delete", "sync", "confirm", "push", "token")
"""Verbs that change something."""
WITHIN_S = 30
"""Seconds of a free machine for what takes a moment."""
APP = AppRegistration(app_id="66666666-7777-8888-9999-000000000000")
TENANT = DefenderTenant(tenant_id="11111111-2222-3333-4444-555555555555", apps=[APP])


class Command(NamedTuple):
    """A command of the page, what it says there, and how it ends."""

    line: str
    said: str
    code: int


def files() -> dict[str, str]:
    """The files of the page, by name."""
    found = {}
    for fence in FENCE.finditer(PAGE):
        if fence[1] != "console":
            found[re.findall(rf"`([\w-]+\.{fence[1]})`", PAGE[: fence.start()])[-1]] = fence[2]
    return found


def commands() -> Iterator[Command]:
    """The commands of the page, in order. `echo $?` after one says how it ends; 0 where there is none."""
    for kind, body in FENCE.findall(PAGE):
        asked = [part.partition("\n") for part in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]]
        for number, (line, _, said) in enumerate(asked if kind == "console" else ()):
            if line == "echo $?":
                continue
            ends = asked[number + 1] if number + 1 < len(asked) else ("", "", "")
            yield Command(line, said, int(ends[2]) if ends[0] == "echo $?" else 0)


class Tour:
    """One walk through the page. `known` is what its names stand for."""

    def __init__(self, exchange: Exchange, folder: Path, environment: pytest.MonkeyPatch, stack: ExitStack) -> None:
        self.known = {"defender": exchange.mde.url, "netskope": exchange.netskope.url}
        self._prefix = f"{exchange.settings.topic_prefix}."
        self._environment = environment
        self._stack = stack
        self._folder = folder

    def fill(self, text: str) -> str:
        """A text of the page with what its names stand for; unknown ones stay."""
        return NAME.sub(lambda name: self.known.get(name[1], name[0]), text)

    def take(self, command: Command) -> None:
        """Run a command, and compare."""
        line = self.fill(command.line)
        if line.endswith(" &"):
            self._begin(shlex.split(line)[:-1])
        elif line.startswith("export "):
            self._environment.setenv(*line.removeprefix("export ").split("=", 1))
        else:
            self._compare(line, command, Patience(0 if shlex.split(line)[1] in ONCE else WITHIN_S))

    def _compare(self, line: str, command: Command, patience: Patience) -> None:
        while (differs := self._differs(line, command)) is not None:
            if patience.is_over():
                pytest.fail(differs, pytrace=False)
            time.sleep(0.1)

    def _differs(self, line: str, command: Command) -> str | None:
        """None where a command says and does what the page says; else all of it."""
        for name in files():
            (self._folder / name).write_text(self.fill(files()[name]))
        result = CliRunner().invoke(app, shlex.split(line)[1:])
        output = result.output.replace(self._prefix, "ioc.")
        found = re.fullmatch(self._pattern(command.said), plain(output))
        if found is None or command.code != result.exit_code:
            return f"$ {line}\nsays, with exit code {result.exit_code}:\n{output}\non the page it is:\n{command.said}"
        self.known |= found.groupdict()
        return None

    def _pattern(self, said: str) -> str:
        """The expression that stands for an output of the page."""
        pattern = re.escape(plain(self.fill(said))).replace("…\\\n", "(?:.*\\n)*?").replace("…", ".*")
        seen: set[str] = set()

        def group(name: re.Match[str]) -> str:
            first = name[1] not in seen
            seen.add(name[1])
            return rf"(?P<{name[1]}>\S+?)" if first else f"(?P={name[1]})"

        return NAME.sub(group, pattern)

    def _begin(self, arguments: list[str]) -> None:
        """Start a command that stays; it is asked to leave when the tour is over."""
        port = str(free_port())
        self._environment.setenv("IOC_BRIDGE_API_URL", f"http://127.0.0.1:{port}")
        own = {"IOC_BRIDGE_CONSOLE_PORT": port, "IOC_BRIDGE_METRICS_PORT": "0"}
        command = [sys.executable, "-m", "services.console", *arguments[1:]]
        log = self._stack.enter_context((self._folder / "serve.log").open("wb"))
        process = subprocess.Popen(command, env={**os.environ, **own}, stdout=log, stderr=log)
        self._stack.callback(process.wait)
        self._stack.callback(process.terminate)


def plain(text: str) -> str:
    """Lines without what depends on widths: padding, the length of rules."""
    lines = (re.sub(r"─+", "─", re.sub(r"\s+", " ", line)).strip() for line in text.splitlines())
    return "".join(f"{line}\n" for line in lines if line)


def test_every_command_of_the_tour_says_what_the_page_says(
    bootstrap: str, prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange = Exchange(settings_for(bootstrap, prefix), tmp_path / "logs", defender=TENANT, policy=lambda _: [])
    exchange.environment |= {name: exchange.environment[held] for name, held in SECRETS.items()}
    with exchange, ExitStack() as stack:
        for name, value in exchange.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(tmp_path)
        for value, kind, severity, title in ROW.findall(PAGE):
            row = {"indicatorValue": value, "indicatorType": kind, "severity": severity, "title": title}
            exchange.admin(exchange.mde, "POST", "seed", {"rows": [row]})
            time.sleep(0.002)  # lists have the newest first, by the millisecond: rows of one have no order
        tour = Tour(exchange, tmp_path, monkeypatch, stack)
        for command in commands():
            tour.take(command)


def test_nothing_on_the_page_escapes() -> None:
    used = " ".join(command.line for command in commands())
    assert [name for name in files() if name not in used] == []
    assert len(list(commands())) > 30
    assert len(ROW.findall(PAGE)) == 6
