"""The tree of commands: complete, and every part of it explains itself."""

from typing import Any

import pytest
import typer.main

from bus.cli.root import COMMANDS, Row, tree


def leaves(command: Any, name: str) -> list[tuple[str, Any]]:  # noqa: ANN401 - Typer's own click
    """Give every command that does something, by its full name."""
    if not hasattr(command, "commands"):
        return [(name, command)]
    return [
        leaf for part, below in command.commands.items() for leaf in leaves(below, f"{name} {part}")
    ]


def test_every_command_and_option_has_its_help() -> None:
    """Whoever asks for --help gets a sentence about everything."""
    whole = typer.main.get_command(tree([]))
    found = leaves(whole, "bus")
    assert len(found) > len(COMMANDS)
    for name, command in found:
        assert command.help, name
        for parameter in command.params:
            assert getattr(parameter, "help", None), f"{name}: {parameter.name}"


def test_every_command_that_ends_gives_json() -> None:
    """But for those that run on, and for `pull`, whose lines are JSON."""
    runs_on = {"bus dev", "bus api", "bus dispatch", "bus relay", "bus pull"}
    found = leaves(typer.main.get_command(tree([])), "bus")
    without = {
        name
        for name, command in found
        if not any("--json" in parameter.opts for parameter in command.params)
    }
    assert without == runs_on


@pytest.mark.parametrize("row", COMMANDS, ids=lambda row: row.name)
def test_one_command_alone_is_the_same_as_in_the_whole(row: Row) -> None:
    """Which modules are imported makes no difference to what a command is."""
    alone: Any = typer.main.get_command(tree([row.name]))
    whole: Any = typer.main.get_command(tree([]))
    assert list(alone.commands) == [row.name]
    assert alone.commands[row.name].help == whole.commands[row.name].help
