"""The command line: ``nrae train``, ``nrae evaluate``, ``nrae tune`` and ``nrae list``."""

import argparse
import logging
import os
import sys
from collections.abc import Sequence

from nrae_geometric.cli import evaluate, listing, train, tune
from nrae_geometric.cli.settings import split_settings
from nrae_geometric.version import __version__

_USER_ERROR = 2
_INTERRUPTED = 130
_NOBODY_READS = 141


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Args:
        argv: The arguments; those of the process by default.

    Returns:
        The exit code: 0, 2 for what the user can put right, 130 after Ctrl-C, 141 where the output
        is no longer read.
    """
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    try:
        arguments, settings = split_settings(sys.argv[1:] if argv is None else argv)
        parsed = _parser().parse_args(arguments)
        parsed.run(parsed, settings)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read the output has seen enough; there is nobody to flush the rest to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _NOBODY_READS
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
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for command in (train, evaluate, tune, listing):
        command.add_to(commands)
    return parser
