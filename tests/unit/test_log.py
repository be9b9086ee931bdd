"""Log lines: one JSON object each, and no secret in any of them, wherever it hides."""

import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.runtime.observability import log


@pytest.fixture(autouse=True)
def _forget_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "_secrets", set())


def logged(code: str) -> list[dict[str, Any]]:
    """The lines that a process of its own writes, since logging is set up for the whole of one."""
    begin = 'import logging; from services.runtime.observability import log; log.configure("info", "some_service")\n'
    done = subprocess.run([sys.executable, "-c", begin + code], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    return [json.loads(line) for line in done.stderr.splitlines()]


def test_a_line_says_what_when_where_and_how_bad() -> None:
    (line,) = logged('log.get("a.module").warning("it happened", connection="acme", count=3)')
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "it happened",
        "connection": "acme",
        "count": 3,
        "level": "warning",
        "logger": "a.module",
        "service": "some_service",
    }


def test_libraries_log_in_the_same_form_and_chatty_ones_less() -> None:
    told = logged("""
logging.getLogger("library").info("hello %s", "there")
logging.getLogger("library").debug("nobody asked")
logging.getLogger("kafka.conn").info("connecting")
logging.getLogger("kafka.conn").warning("cannot connect")
logging.getLogger("kafka.conn").warning("cannot connect")
""")
    assert [line["event"] for line in told] == ["hello there", "cannot connect"]


def test_what_is_named_like_a_secret_is_blank_however_deep() -> None:
    (line,) = logged("""
sent = {"Authorization": "two", "list": [{"v2_token": "three"}]}
log.get("m").info("call", appSecret="one", sent=sent, tokens=2)
""")
    assert line["appSecret"] == "***"
    assert line["sent"] == {"Authorization": "***", "list": [{"v2_token": "***"}]}
    assert line["tokens"] == 2, "a figure is no secret"


def test_a_registered_secret_is_blank_in_every_part_of_a_line() -> None:
    told = logged("""
log.hide("hush-hush")
try:
    raise ValueError("no good: " + "hush-hush")
except ValueError as error:
    log.get("m").exception("hush-hush failed", why=error, parts=("hush-hush", {"hush-hush": b"hush-hush"}))
    logging.getLogger("library").exception("said %s", "hush-hush")
""")
    assert len(told) == 2
    assert all("ValueError: no good: ***" in line["exception"] for line in told)
    assert told[0]["why"] == "no good: ***"
    assert told[0]["parts"] == ["***", {"***": "b'***'"}]
    assert "hush" not in json.dumps(told)


def test_of_two_secrets_the_longer_is_blank_as_a_whole() -> None:
    log.hide("abcd")
    log.hide("abcd-and-more")
    assert log.redact("abcd-and-more, abcd") == "***, ***"


def test_short_text_is_not_taken_for_a_secret() -> None:
    log.hide("a")
    log.hide("")
    assert log.redact("a banana") == "a banana"


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=4, max_size=20))
def test_quoting_does_not_let_a_secret_through(secret: str) -> None:
    log.hide(secret)
    for text in (secret, str(KeyError(secret)), str([secret]), json.dumps({"x": secret})):
        left = log.redact(text)
        assert secret not in left.replace("***", "")
        assert json.dumps(secret)[1:-1] not in left.replace("***", "")
