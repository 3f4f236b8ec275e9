"""The commands and their arguments."""

import json
import logging
from collections.abc import Sequence

from nrae_geometric.cli import decode, embed, evaluate, export, fit, graph, report, train, tune
from nrae_geometric.cli.completion import add_completion
from nrae_geometric.cli.outputs import MessageFormatter
from nrae_geometric.cli.parsing import CommandParser, add_debug, add_plugin
from nrae_geometric.cli.process import check_repeatable, wait_passively
from nrae_geometric.registry import import_plugin
from nrae_geometric.version import __version__

_COMMANDS = (
    fit.add_fit,
    embed.add_embed,
    decode.add_decode,
    graph.add_graph,
    report.add_report,
    export.add_export,
    train.add_train,
    train.add_list,
    evaluate.add_evaluate,
    tune.add_tune,
)


def run(argv: Sequence[str]) -> None:
    """Runs one command, and prints what it has found.

    Args:
        argv (Sequence[str]): The arguments.

    Raises:
        SystemExit: After ``--help`` and ``--version``, or if the arguments are not understood.
    """
    wait_passively()
    messages = logging.StreamHandler()
    messages.setFormatter(MessageFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[messages])
    parsed = command_parser().parse_args(argv)
    check_repeatable(argv, getattr(parsed, "devices", 1))
    for plugin in (*parsed.plugins, *parsed.command_plugins):
        import_plugin(plugin)
    results = parsed.run(parsed)
    if parsed.json:
        print(json.dumps(results, allow_nan=False))
    else:
        parsed.show(results)


def command_parser() -> CommandParser:
    """Returns the parser of the whole command line."""
    parser = CommandParser(
        prog="nrae",
        description="Neighborhood reconstructing autoencoders.",
        example="nrae fit points.csv --out model.nrae",
    )
    parser.add_argument("--version", action="version", version=__version__)
    add_plugin(parser, "plugins")
    add_debug(parser, "debug")
    add_completion(parser)
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for add_command in _COMMANDS:
        add_command(commands)
    return parser
