"""No thread, task, executor or callback of the services is without an owner: all are started by `supervision`."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SERVICES = Path(__file__).parents[2] / "services"
STARTS = {
    "create_task", "ensure_future", "Thread", "Timer", "ThreadPoolExecutor", "ProcessPoolExecutor", "Process", "Pool",
    "run_in_executor", "add_done_callback", "submit", "TaskGroup", "run_coroutine_threadsafe", "call_later", "call_at",
    "call_soon", "call_soon_threadsafe", "start_new_thread", "gather", "to_thread",
}  # fmt: skip
AWAITED = {"gather", "to_thread"}
"""Owned by the coroutine that awaits them."""
ALLOWED = {
    ("runtime/supervision.py", "Thread"): "the mechanism itself",
    ("runtime/supervision.py", "TaskGroup"): "the mechanism itself",
    ("runtime/supervision.py", "create_task"): "the mechanism itself, in its group",
    ("runtime/timers.py", "Timer"): "the mechanism itself, for what happens once",
    ("sandbox/kafka/download.py", "ThreadPoolExecutor"): "part of no service; the block around it waits for all",
    ("sandbox/tenant/serve.py", "Thread"): "part of no service; its owner sees that it stopped answering",
    ("sandbox/tenant/serve.py", "call_soon_threadsafe"): "part of no service; it tells the loop of that thread to stop",
}
"""Which file may start what, and why."""


def starts(tree: ast.AST) -> Iterator[str]:
    """The names of what is called, or inherited from, that starts something of its own."""
    awaited = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Await)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (name := _name(node.func)) in STARTS:
            if not (name in AWAITED and id(node) in awaited):
                yield name
        elif isinstance(node, ast.ClassDef):
            yield from (name for base in node.bases if (name := _name(base)) in STARTS)


def _name(node: ast.expr) -> str:
    match node:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return ""


def test_everything_is_started_by_the_supervisor() -> None:
    found = {
        (str(path.relative_to(SERVICES)), name)
        for path in SERVICES.rglob("*.py")
        for name in starts(ast.parse(path.read_text()))
    }
    assert found - ALLOWED.keys() == set(), "start these by services.runtime.supervision"
    assert ALLOWED.keys() - found == set(), "nothing is allowed that is not there"


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("asyncio.create_task(work())", "create_task"),
        ("task = loop.create_task(work())", "create_task"),
        ("asyncio.ensure_future(work())", "ensure_future"),
        ("threading.Thread(target=work).start()", "Thread"),
        ("Thread(target=work)", "Thread"),
        ("class Mine(threading.Thread): pass", "Thread"),
        ("class Mine(Timer): pass", "Timer"),
        ("with ThreadPoolExecutor() as pool: pool", "ThreadPoolExecutor"),
        ("pool.submit(work)", "submit"),
        ("task.add_done_callback(print)", "add_done_callback"),
        ("loop.call_later(1, work)", "call_later"),
        ("asyncio.to_thread(work)", "to_thread"),
        ("later = asyncio.gather(one(), two())", "gather"),
    ],
)
def test_it_finds_what_has_no_owner(code: str, name: str) -> None:
    assert list(starts(ast.parse(code))) == [name]


@pytest.mark.parametrize("code", ["await asyncio.to_thread(work)", "await asyncio.gather(one(), two())"])
def test_what_is_awaited_at_once_is_owned_by_the_coroutine(code: str) -> None:
    assert list(starts(ast.parse(f"async def work():\n    {code}"))) == []
