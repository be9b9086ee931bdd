"""The commands of `ioc-bridge`, each with its module and its line in the help.

A module is imported when its command runs or shows its help, so the list of commands appears at once, without loading
Kafka's client. A test compares the lines here with the commands' own help.
"""

from importlib import import_module
from typing import Any, NamedTuple

from typer.core import TyperGroup
from typer.main import get_group


class Command(NamedTuple):
    """Where a command is defined, and its line in the list of commands."""

    module: str
    summary: str
    is_group: bool = False
    """Whether the module defines a group of commands with this name, instead of one command."""


_ROOM = "services.console.cli"
COMMANDS = {
    "apply": Command("resources", "Create and change resources as files state: all, or none if there is a mistake."),
    "get": Command("resources", "List resources. The output of yaml and json can be applied again."),
    "describe": Command("resources", "Show everything about one resource."),
    "delete": Command("resources", "Delete resources, by kind and names or those in files: all of them, or none."),
    "test": Command("previews", "Show what a sharing would send."),
    "test-guard": Command("guard_tests", "Say what guards would keep back, and by which entry."),
    "diff": Command("previews", "Show what applying files would change at each target. Nothing is applied."),
    "sync": Command("previews", "Send all desired entries again."),
    "reconcile": Command("reconcile", "Compare a tenant with its records now, and poll it."),
    "explain": Command("explain", "Say why an indicator is, or is not, at each target."),
    "holds": Command("holds", "List the changes that guards hold until a person decides."),
    "confirm": Command("holds", "Let through what is held."),
    "reject": Command("holds", "Keep back what is held."),
    "indicators": Command("lists", "List and search indicators, with where they are shared."),
    "activity": Command("lists", "List what services reported, the latest first."),
    "sharings": Command("lists", "List sharings with how many of their entries are in which state."),
    "serve": Command("serve", "Serve the HTTP API until a signal stops it."),
    "token": Command("tokens", "Make a token for the API, or for a source that pushes."),
    "check": Command("check", "Check every connection against the live API of its vendor."),
    "push": Command("push", "Push indicators from files to an API source."),
    "deadletters": Command(
        "deadletters", "Records that no service could decode: list, edit, replay, drop.", is_group=True
    ),
    "rejected": Command("rejected", "Entries that a vendor rejected: list, retry, correct.", is_group=True),
    "topics": Command("topics", "The topics of this installation: create, check.", is_group=True),
}


class _LazyCommands(dict[str, Any]):
    """Commands by name, each loaded when it is read."""

    def __missing__(self, name: str) -> Any:  # noqa: ANN401  # a command of typer, which exports no type for it
        known = COMMANDS[name]
        group = get_group(import_module(f"{_ROOM}.{known.module}").app)
        if known.is_group:
            group.name = name
        self[name] = group if known.is_group else group.commands[name]
        return self[name]

    def keys(self) -> Any:  # noqa: ANN401  # so that a misspelt name is answered with the nearest
        return COMMANDS.keys()


class LazyGroup(TyperGroup):
    """A group of commands that imports a command's module when the command is used."""

    def __init__(self, **attributes: Any) -> None:  # noqa: ANN401
        super().__init__(**attributes)
        self.commands = _LazyCommands()

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401, ARG002  # the signature is typer's
        """Names of all commands, in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401, ARG002
        """The command with a name; None if there is none."""
        return self.commands[cmd_name] if cmd_name in COMMANDS else None

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401
        """Write usage, help, options and the list of commands, without importing any of them."""
        self.format_usage(ctx, formatter)
        self.format_help_text(ctx, formatter)
        self.format_options(ctx, formatter)
        self.format_epilog(ctx, formatter)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401, ARG002
        """Write the list of commands from the table."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.summary) for name, command in COMMANDS.items()])
