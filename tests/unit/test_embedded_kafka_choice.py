"""The tests' broker is chosen in a fixed order, and every way not taken says why."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.broker import VARIABLE, NoBroker, NotTaken, choose, container, named, ways


def closed(_stack: ExitStack) -> str:
    raise NotTaken("it is closed")


def opened(_stack: ExitStack) -> str:
    return "here:1"


def test_the_order_is_named_container_embedded() -> None:
    assert [name.split()[0:2] for name, _ in ways(Path())] == [["the", "one"], ["a", "container"], ["the", "embedded"]]


def test_the_first_open_way_is_taken_and_the_others_give_their_reason() -> None:
    with ExitStack() as stack:
        choice = choose([("first", closed), ("second", opened), ("third", closed)], stack)
    assert choice.bootstrap == "here:1"
    assert str(choice) == "Kafka for the tests: second at here:1; not first: it is closed"


def test_what_a_way_left_open_is_closed_when_it_is_not_taken_and_kept_when_it_is() -> None:
    events: list[str] = []

    def half(stack: ExitStack) -> str:
        stack.callback(events.append, "half closed")
        raise NotTaken("it never answered")

    def whole(stack: ExitStack) -> str:
        stack.callback(events.append, "whole closed")
        return "here:1"

    with ExitStack() as stack:
        choose([("half", half), ("whole", whole)], stack)
        assert events == ["half closed"]
    assert events == ["half closed", "whole closed"]


def test_no_way_open_is_one_error_with_every_reason() -> None:
    with pytest.raises(NoBroker, match="not first: it is closed; not second: it is closed"):
        choose([("first", closed), ("second", closed)], ExitStack())


def test_a_broker_asked_for_by_name_is_never_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "127.0.0.1:1")
    with pytest.raises(NoBroker, match=r"127\.0\.0\.1:1, where no Kafka answers"):
        choose([("named", named), ("other", opened)], ExitStack())
    monkeypatch.setenv(VARIABLE, "nonsense")
    with pytest.raises(NoBroker, match="host:port"):
        choose([("named", named), ("other", opened)], ExitStack())
    monkeypatch.delenv(VARIABLE)
    assert choose([("named", named), ("other", opened)], ExitStack()).not_taken == ("not named: it is not set",)


def test_without_a_docker_daemon_there_is_no_container(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for address in (f"unix://{tmp_path}/docker.sock", "tcp://127.0.0.1:1"):
        monkeypatch.setenv("DOCKER_HOST", address)
        with pytest.raises(NotTaken, match="no Docker daemon answers"):
            container(ExitStack())
