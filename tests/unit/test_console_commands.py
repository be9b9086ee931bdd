"""The table of commands says of each what the command says of itself, and a listing imports none of them."""

import subprocess
import sys
from importlib import import_module

import pytest
from typer.main import get_command, get_group
from typer.testing import CliRunner

from services.console.__main__ import app
from services.console.cli.commands import COMMANDS


@pytest.mark.parametrize("name", COMMANDS)
def test_a_line_begins_as_the_help_of_its_command(name: str) -> None:
    command = get_command(app).get_command(None, name)  # type: ignore[attr-defined]  # typer exports no type for groups
    lines = (COMMANDS[name].summary, str(command.help))
    summary, own = ([word.strip(",.:") for word in line.split()[:3]] for line in lines)
    assert summary == own


def test_every_command_of_every_module_is_in_the_table() -> None:
    listed = {(known.module, name) for name, known in COMMANDS.items() if not known.is_group}
    modules = {known.module for known in COMMANDS.values() if not known.is_group}
    defined = {
        (module, name)
        for module in modules
        for name in get_group(import_module(f"services.console.cli.{module}").app).commands
    }
    assert defined == listed


def test_a_misspelt_command_is_answered_with_the_nearest() -> None:
    result = CliRunner().invoke(app, ["explan", "evil.example"])
    assert result.exit_code == 2
    assert "explain" in result.output


def test_help_and_version_import_no_command_and_no_client() -> None:
    code = (
        "import sys; from typer.testing import CliRunner; from services.console.__main__ import app;"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0;"
        "assert CliRunner().invoke(app, ['--version']).exit_code == 0;"
        "print(sorted({'kafka', 'pydantic', 'yaml', 'httpx', 'services.console.cli.resources'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
