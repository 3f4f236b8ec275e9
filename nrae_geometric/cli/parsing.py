"""The parser of a command: its options, its errors, and what it leaves to a configuration."""

import argparse
import difflib
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, TypeAlias

from nrae_geometric.cli.settings import split_settings

Results = dict[str, Any]
"""What a command has found, as JSON holds it."""
_OTHER_NAMES = dict.fromkeys(
    ("--dim", "--dims", "--latent-dim", "--latent-dims", "--components"), "--n-components"
)
Commands: TypeAlias = "argparse._SubParsersAction[CommandParser]"


class CommandParser(argparse.ArgumentParser):
    """A parser whose errors are one line, and whose ``--help`` ends with an example.

    Args:
        example (str, optional): A command line with its comment. (default: :obj:`None`)
        takes_settings (bool, optional): Whether settings of a configuration, such as
            ``--training.num_epochs 100``, are taken out of the arguments first, for ``settings``
            of the namespace. (default: :obj:`False`)
    """

    def __init__(
        self, *, example: str | None = None, takes_settings: bool = False, **options: Any
    ) -> None:
        self.takes_settings = takes_settings
        if example is not None:
            options["epilog"] = f"example:\n  {example}"
            options["formatter_class"] = _Formatter
        super().__init__(allow_abbrev=False, **options)

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parses arguments, as the parser of all commands asks that of one."""
        arguments = list(sys.argv[1:] if args is None else args)
        settings: dict[str, Any] = {}
        if self.takes_settings:
            arguments, settings = split_settings(arguments)
        parsed, rest = super().parse_known_args(arguments, namespace)
        if self.takes_settings:
            parsed.settings = settings
        if rest and self._subparsers is None:
            # Named here, where the options of the command are known.
            self.error(f"unrecognized arguments: {' '.join(rest)}{self._suggestion(rest)}")
        return parsed, rest

    def _suggestion(self, unknown: list[str]) -> str:
        given = unknown[0].partition("=")[0]
        if _OTHER_NAMES.get(given) in self._option_string_actions:
            return f"; did you mean {_OTHER_NAMES[given]}?"
        close = difflib.get_close_matches(given, self._option_string_actions, n=1)
        return f"; did you mean {close[0]}?" if close else ""

    def error(self, message: str) -> NoReturn:
        """Ends the program with one line and the code of a wrong usage."""
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


class _Formatter(argparse.HelpFormatter):
    """Leaves the lines of the example as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if not text.startswith("example:"):
            return super()._fill_text(text, width, indent)
        return "".join(f"{indent}{line}" for line in text.splitlines(keepends=True))


def set_command(
    parser: CommandParser,
    run: Callable[[argparse.Namespace], Results],
    show: Callable[[Results], None],
) -> CommandParser:
    """Completes the parser of a command.

    Args:
        parser (CommandParser): The parser with the command's own options.
        run (callable): Does what the parsed arguments say, and returns what it has found.
        show (callable): Prints that for a reader.
    """
    add_plugin(parser)
    parser.add_argument("--json", action="store_true", help="print the results as one JSON object")
    add_debug(parser, "debug_command")
    parser.set_defaults(run=run, show=show)
    return parser


def positive(text: str) -> int:
    """Returns a count of at least one that an option gives."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be an integer of at least 1, got {text!r}")
    return int(text)


def add_debug(parser: argparse.ArgumentParser, dest: str) -> None:
    """Adds ``--debug``."""
    parser.add_argument(
        "--debug", action="store_true", dest=dest, help="show where in the program an error arose"
    )


def add_plugin(parser: argparse.ArgumentParser, dest: str = "command_plugins") -> None:
    """Adds ``--plugin``."""
    parser.add_argument(
        "--plugin",
        action="append",
        default=[],
        dest=dest,
        metavar="MODULE",
        help="a module, or a .py file, that registers kinds of points or models; repeatable",
    )


def add_device(parser: argparse.ArgumentParser) -> None:
    """Adds ``--device``."""
    parser.add_argument(
        "--device", default="auto", help="auto, cpu, or the number of a GPU (default: auto)"
    )


def add_devices(parser: argparse.ArgumentParser) -> None:
    """Adds ``--devices`` and ``--num-nodes``, of processes that learn together."""
    parser.add_argument(
        "--devices",
        type=int,
        default=1,
        metavar="N",
        help="how many processes of this machine learn together (default: 1)",
    )
    parser.add_argument(
        "--num-nodes", type=int, default=1, metavar="N", help="how many machines (default: 1)"
    )


def add_logdir(parser: argparse.ArgumentParser, folder: str) -> None:
    """Adds ``--logdir``, within which the results go to a folder."""
    parser.add_argument(
        "--logdir",
        default="results",
        metavar="DIR",
        help=f"results go to DIR/{folder} (default: results)",
    )
