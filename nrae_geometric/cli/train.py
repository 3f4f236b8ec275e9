"""``nrae train`` and ``nrae list``: experiments from their configuration to their results."""

import argparse
from typing import Any

from nrae_geometric.cli.evaluate import print_measures
from nrae_geometric.cli.process import flush_denormals, keep_freed_memory, no_gc_imports
from nrae_geometric.cli.settings import add_device, add_logdir, refuse_settings
from nrae_geometric.configs import experiment_names, load_config
from nrae_geometric.configs.files import read_settings


def add_train(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
) -> argparse.ArgumentParser:
    """Adds ``nrae train`` to the commands."""
    parser = commands.add_parser(
        "train",
        help="train, measure and picture an experiment",
        usage="nrae train CONFIG [--device DEVICE] [--logdir DIR] [--resume] [--no-animation] "
        "[--plugin MODULE]... [--key value]...",
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
    parser.add_argument(
        "--no-animation", action="store_true", help="neither record nor draw an animation"
    )
    parser.set_defaults(run=_train)
    return parser


def _train(arguments: argparse.Namespace, settings: dict[str, Any]) -> None:
    # Settings name kinds of points and models, which the registry knows once torch is imported.
    with no_gc_imports():
        given = (arguments.config, arguments.config_option)
        config = load_config(next(name for name in given if name is not None), settings)
        from nrae_geometric.experiments import run_experiment

    flush_denormals()
    keep_freed_memory()
    result = run_experiment(
        config,
        device=arguments.device,
        logdir=arguments.logdir,
        resume=arguments.resume,
        animate=not arguments.no_animation,
    )
    print_measures({"loss": result.history[-1]["loss"], **result.metrics})
    print(f"results in {result.directory}")


def add_list(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
) -> argparse.ArgumentParser:
    """Adds ``nrae list`` to the commands."""
    parser = commands.add_parser("list", help="list the packaged experiments", allow_abbrev=False)
    parser.set_defaults(run=_list)
    return parser


def _list(arguments: argparse.Namespace, settings: dict[str, Any]) -> None:
    refuse_settings("list", settings)
    for name in experiment_names():
        experiment = read_settings(name)
        points, epochs = experiment["data"]["training"], experiment["training"]["num_epochs"]
        print(f"{name:30}  {points['dataset']} {points['type']:10}  {epochs} epochs")
