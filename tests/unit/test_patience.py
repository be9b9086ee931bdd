"""Bounds on waiting scale with the machine, are kept in one place, and what was not run is said in one line each."""

import ast
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sandbox.patience import MOST, Patience, slowness
from tests.not_run import not_run, summary
from tests.waiting import eventually, run

TESTS = Path(__file__).parents[1]


class Machine:
    """A clock, and how slow the machine is."""

    def __init__(self) -> None:
        self.now, self.slow = 0.0, 1.0

    def patience(self, seconds: float) -> Patience:
        return Patience(seconds, slowness=lambda: self.slow, clock=lambda: self.now)


@given(st.lists(st.tuples(st.floats(0.01, 5), st.floats(1, MOST)), min_size=1, max_size=200), st.floats(1, 300))
def test_it_is_over_when_a_free_machine_would_have_had_so_many_seconds(
    looks: list[tuple[float, float]], seconds: float
) -> None:
    machine, given_s = Machine(), 0.0
    patience = machine.patience(seconds)
    for wait, machine.slow in looks:
        machine.now += wait
        given_s += wait / machine.slow
        assert patience.is_over() == (given_s >= seconds) or abs(given_s - seconds) < 1e-6
    assert patience.waited == pytest.approx(machine.now)


def test_progress_begins_it_anew() -> None:
    machine = Machine()
    patience = machine.patience(10)
    for _ in range(20):
        machine.now += 9
        assert not patience.is_over()
        patience.renew()
    machine.now += 10
    assert patience.is_over()


def test_a_machine_is_never_faster_than_a_free_one_and_never_stands_still() -> None:
    assert 1 <= slowness() <= MOST


def test_what_never_comes_about_fails_and_says_what_and_how_far_it_came() -> None:
    with pytest.raises(AssertionError, match=r"still not so after \d+ s: it comes; it stands at 7"):
        eventually(lambda: False, "it comes", within_s=0.05, every_s=0.01, progress=lambda: 7)


def test_what_moves_on_is_waited_for_beyond_the_bound() -> None:
    values = iter(range(40))
    seen = [0]

    def arrived() -> bool:
        seen[0] = next(values)
        return seen[0] == 39

    eventually(arrived, "the last of them", within_s=0.01, every_s=0.005, progress=lambda: seen[0])


def test_a_command_that_hangs_is_killed() -> None:
    began = time.monotonic()
    with pytest.raises(subprocess.TimeoutExpired):
        run([sys.executable, "-c", "import time; time.sleep(1000)"], within_s=0.1)
    assert time.monotonic() - began < 900
    assert run([sys.executable, "-c", "print('there')"]).stdout == "there\n"


def _is_bound(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float) and node.value >= 1


def _own_bounds(path: Path) -> Iterator[str]:
    """Waits of this file that are bounded by a number of seconds, and skips that are not listed at the end."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        bounds = [word.value for word in node.keywords if word.arg == "timeout"]
        bounds += node.args[:1] if called.endswith((".wait", "thread.join")) else []
        waits = called.endswith((".wait", ".get", ".communicate", "thread.join")) or called.startswith("subprocess.")
        if waits and called != "httpx.get" and any(_is_bound(bound) for bound in bounds):
            yield f"{path}:{node.lineno}: {ast.unparse(node)}"
        if called in {"pytest.skip", "pytest.importorskip"} and path.name != "not_run.py":
            yield f"{path}:{node.lineno}: {called}, instead of not_run"


def test_no_test_waits_by_a_bound_of_its_own() -> None:
    """A number of seconds in a test is true of one machine: `eventually`, `run`, `end` and `ANSWER_S` are for all."""
    assert [line for path in sorted(TESTS.rglob("*.py")) for line in _own_bounds(path)] == []


def test_what_ci_can_install_is_no_skip_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="there is no tool; to have it run: install it"):
        not_run("there is no tool", "install it", installable=True)
    with pytest.raises(pytest.skip.Exception, match="not run: there is no daemon; to have it run: start one"):
        not_run("there is no daemon", "start one")
    monkeypatch.delenv("CI")
    with pytest.raises(pytest.skip.Exception):
        not_run("there is no tool", "install it", installable=True)


@pytest.mark.parametrize("processes", ["0", "2"])
def test_the_test_command_says_at_its_end_what_was_not_run(tmp_path: Path, processes: str) -> None:
    (tmp_path / "conftest.py").write_text("from tests.conftest import *  # noqa: F403\n")
    (tmp_path / "test_some.py").write_text(
        "import pytest\nfrom tests.not_run import not_run\n\n"
        "@pytest.mark.parametrize('n', range(3))\ndef test_some(n): not_run('there is no tool', 'install it')\n"
    )
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-n", processes, "--rootdir", str(tmp_path)]
    said = run([*command, str(tmp_path)])
    assert said.returncode == 0, said.stdout + said.stderr
    *before, line, last = said.stdout.strip().splitlines()
    assert any("what was not run" in heading for heading in before[-2:])
    assert line == "3 tests not run: there is no tool; to have it run: install it"
    assert "3 skipped" in last


def test_reports_of_one_reason_are_one_line() -> None:
    def report(reason: str) -> pytest.TestReport:
        where = ("file.py", 1, f"Skipped: {reason}")
        return pytest.TestReport("file.py::x", ("file.py", 1, "x"), {}, "skipped", where, "setup")

    assert summary([report("not run: b"), report("not run: a"), report("not run: b")]) == [
        "1 test not run: a",
        "2 tests not run: b",
    ]
