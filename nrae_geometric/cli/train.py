"""``nrae train``: one experiment from its configuration to its results."""

import argparse
from typing import Any

from nrae_geometric.cli.metrics_table import print_metrics
from nrae_geometric.cli.options import add_device, add_logdir
from nrae_geometric.cli.process import flush_denormals, uncollected
from nrae_geometric.configs.reader import ExperimentConfig


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command to the command line."""
    parser = commands.add_parser(
        "train",
        help="train, measure and picture an experiment",
        usage="nrae train CONFIG [--device DEVICE] [--logdir DIR] [--resume] [--no-animation] "
        "[--key value]...",
        description="Train, measure and picture an experiment. Any setting of the configuration "
        "can be given as well, for example --training.num_epochs 100 or --seed 2.",
        allow_abbrev=False,
    )
    config = parser.add_mutually_exclusive_group(required=True)
    config.add_argument("config", nargs="?", metavar="CONFIG", help="a YAML file, or a name")
    config.add_argument("--config", dest="config_option", metavar="CONFIG", help="the same")
    add_device(parser)
    add_logdir(parser, "exp_name")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint")
    parser.add_argument("--no-animation", action="store_true", help="do not draw the animation")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace, settings: dict[str, Any]) -> None:
    config = ExperimentConfig.from_yaml(arguments.config or arguments.config_option, settings)
    # Imported here to show help and faults in the configuration without waiting for torch.
    with uncollected():
        from nrae_geometric.experiments.run import run_experiment

    flush_denormals()
    result = run_experiment(
        config,
        device=arguments.device,
        logdir=arguments.logdir,
        resume=arguments.resume,
        animate=not arguments.no_animation,
    )
    print_metrics({"loss": result.history[-1]["loss"], **result.metrics})
    print(f"results in {result.directory}")
