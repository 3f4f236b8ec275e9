"""The command line: ``nrae train``, ``nrae list``, ``nrae evaluate`` and ``nrae tune``."""

import argparse
import logging
import os
import sys
from collections.abc import Sequence

from nrae_geometric.cli import evaluate, train, tune
from nrae_geometric.cli.settings import add_plugin, split_settings
from nrae_geometric.registry import import_plugin
from nrae_geometric.version import __version__

_USER_ERROR = 2
_INTERRUPTED = 130
_OUTPUT_CLOSED = 141


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Args:
        argv (Sequence[str], optional): The arguments; those of the process by default.
            (default: :obj:`None`)

    Returns:
        The exit code: 0, 2 for what the user can put right, 130 after Ctrl-C, 141 where the output
        is no longer read.
    """
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    try:
        arguments, settings = split_settings(sys.argv[1:] if argv is None else argv)
        parsed = _parser().parse_args(arguments)
        for plugin in (*parsed.plugins, *parsed.command_plugins):
            import_plugin(plugin)
        parsed.run(parsed, settings)
        sys.stdout.flush()
    except BrokenPipeError:
        # Nobody reads the rest, which the interpreter would flush when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _OUTPUT_CLOSED
    except KeyboardInterrupt:
        print("nrae: interrupted", file=sys.stderr)
        return _INTERRUPTED
    except (ValueError, OSError, FloatingPointError, ModuleNotFoundError) as error:
        print(f"nrae: {error}", file=sys.stderr)
        return _USER_ERROR
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="nrae",
        description="Neighborhood reconstructing autoencoders.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=__version__)
    add_plugin(parser, "plugins")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for add_command in (train.add_train, train.add_list, evaluate.add_evaluate, tune.add_tune):
        add_plugin(add_command(commands))
    return parser
