"""Who may use the API: tokens and their hashes, the file they stand in, and where it may be served without any."""

from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from services.console.__main__ import app
from services.console.auth.people import TokenFile, read_people
from services.console.auth.roles import Role
from services.console.auth.tokens import Verifier, make
from services.console.settings import ConsoleSettings
from services.runtime.settings import SettingsError, load


def test_a_token_is_right_for_its_own_hash_only_and_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    verifier = Verifier()
    (token, hash_), (other, _) = make("me"), make("me")
    assert verifier.is_right(token, hash_)
    assert not verifier.is_right(other, hash_)
    assert not verifier.is_right(token, None)
    assert not verifier.is_right("", hash_)
    assert not verifier.is_right(token, "not a hash")
    assert token not in hash_
    monkeypatch.setattr(Verifier, "_matches", lambda *_: pytest.fail("a hash is computed once only"))
    assert verifier.is_right(token, hash_)


def test_what_the_command_line_makes_is_let_in_in_its_role(tmp_path: Path) -> None:
    made = CliRunner().invoke(app, ["token", "alice", "--role", "viewer"])
    assert made.exit_code == 0
    token, entry = made.stdout.strip(), made.stderr.split("\n", 1)[1]
    file = tmp_path / "tokens.yaml"
    file.write_text(f"tokens:\n{entry}")
    guests = TokenFile(file)
    person = guests.person_of(token)
    assert person is not None
    assert (person.name, person.role) == ("alice", Role.VIEWER)
    assert guests.person_of(token + "x") is None
    assert guests.person_of("bob.x") is None
    file.unlink()
    assert guests.person_of(token) is None, "nobody is let in by a file that is gone"
    assert CliRunner().invoke(app, ["token", "a b"]).exit_code == 2


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("- x", "tokens.yaml: "),
        ("tokens: [{name: a, role: king, hash: $argon2id$x}]", "tokens.0.role"),
        ("tokens: [{name: a, role: viewer, hash: secret}]", "tokens.0.hash"),
        (": :", "is not YAML"),
    ],
)
def test_a_file_that_is_not_right_is_refused_with_its_place(tmp_path: Path, text: str, why: str) -> None:
    file = tmp_path / "tokens.yaml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=why):
        read_people(file)
    with pytest.raises(SettingsError, match="cannot be read"):
        read_people(tmp_path / "missing")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "console.example"])
def test_nothing_is_served_to_others_without_tokens(host: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="TOKENS_FILE"):
        load(ConsoleSettings, console_host=host)
    assert load(ConsoleSettings, console_host=host, console_tokens_file=tmp_path / "t").console_host == host
    for loopback in ("127.0.0.1", "127.8.8.8", "::1", "localhost"):
        assert load(ConsoleSettings, console_host=loopback).console_tokens_file is None


def test_hashes_in_a_file_survive_yaml(tmp_path: Path) -> None:
    token, hash_ = make("bob")
    file = tmp_path / "tokens.yaml"
    file.write_text(yaml.safe_dump({"tokens": [{"name": "bob", "role": "editor", "hash": hash_}]}))
    person = TokenFile(file).person_of(token)
    assert person is not None
    assert person.role is Role.EDITOR
