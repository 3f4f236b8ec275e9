"""Completion of commands, options and files by a shell, as shtab writes it.

A shell reads the script once, and completes from then on without starting Python.
"""

import argparse
from collections.abc import Iterator
from typing import Any

SHELLS = ("bash", "zsh", "fish", "tcsh")
_FILES = {"POINTS", "MODEL", "Z", "PICTURE", "CONFIG", "MODULE"}
_FOLDERS = {"DIR", "RESULTS_DIR", "FOLDER"}


class PrintCompletion(argparse.Action):
    """``--print-completion SHELL`` prints the script of the parser that it belongs to."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        """Prints the script and ends the program."""
        try:
            import shtab
        except ImportError as error:
            raise ImportError(
                f"{option_string} needs shtab: pip install 'nrae-geometric[completion]'"
            ) from error
        for action in _actions(parser):
            if action.metavar in _FILES:
                action.complete = shtab.FILE  # type: ignore[attr-defined]
            elif action.metavar in _FOLDERS:
                action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
        print(shtab.complete(parser, shell=values))
        parser.exit()


def add_completion(parser: argparse.ArgumentParser) -> None:
    """Adds ``--print-completion``."""
    parser.add_argument(
        "--print-completion",
        action=PrintCompletion,
        choices=SHELLS,
        metavar="SHELL",
        help=f"print a script that completes commands in {', '.join(SHELLS)}",
    )


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from _actions(command)
