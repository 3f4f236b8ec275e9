"""``nrae list``: the packaged experiments."""

import argparse
from typing import Any

from nrae_geometric.cli.settings import refuse_settings
from nrae_geometric.configs.reader import experiment_names, load_experiment


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command to the command line."""
    parser = commands.add_parser("list", help="list the packaged experiments")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace, settings: dict[str, Any]) -> None:
    refuse_settings("list", settings)
    for name in experiment_names():
        config = load_experiment(name)
        points, epochs = config.data.training, config.training.num_epochs
        print(f"{name:30}  {points.dataset} {points.type:10}  {epochs} epochs")
