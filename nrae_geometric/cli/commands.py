"""The commands and their arguments."""

import argparse
import logging
from collections.abc import Sequence

from nrae_geometric.cli import evaluate, train, tune
from nrae_geometric.cli.process import wait_passively
from nrae_geometric.cli.settings import add_plugin, split_settings
from nrae_geometric.registry import import_plugin
from nrae_geometric.version import __version__


def run(argv: Sequence[str]) -> None:
    """Runs one command.

    Args:
        argv (Sequence[str]): The arguments.

    Raises:
        SystemExit: After ``--help`` and ``--version``, or if the arguments are not understood.
    """
    wait_passively()
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    arguments, settings = split_settings(argv)
    parsed = _parser().parse_args(arguments)
    for plugin in (*parsed.plugins, *parsed.command_plugins):
        import_plugin(plugin)
    parsed.run(parsed, settings)


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
