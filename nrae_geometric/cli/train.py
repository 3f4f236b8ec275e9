"""``nrae train`` and ``nrae list``: experiments from their configuration to their results."""

import argparse

from nrae_geometric.cli.evaluate import print_measures
from nrae_geometric.cli.parsing import (
    CommandParser,
    Commands,
    Results,
    add_device,
    add_devices,
    add_logdir,
    set_command,
)
from nrae_geometric.cli.process import (
    end_unless_first,
    flush_denormals,
    keep_freed_memory,
    no_gc_imports,
)
from nrae_geometric.cli.settings import refuse_settings
from nrae_geometric.configs import experiment_names, load_config
from nrae_geometric.configs.files import read_settings


def add_train(commands: Commands) -> CommandParser:
    """Adds ``nrae train`` to the commands."""
    parser = commands.add_parser(
        "train",
        help="train, measure and picture an experiment",
        usage="nrae train CONFIG [--device DEVICE] [--devices N] [--num-nodes N] [--logdir DIR] "
        "[--resume] [--no-animation] [--json] [--debug] [--plugin MODULE]... [--key value]...",
        description="Train, measure and picture an experiment. Any setting of the configuration "
        "can be given as well, for example --training.num_epochs 100 or --seed 2.",
        example="nrae train NRAEL_toy_denoising --training.num_epochs 100",
        takes_settings=True,
    )
    config = parser.add_mutually_exclusive_group(required=True)
    config.add_argument("config", nargs="?", metavar="CONFIG", help="a YAML file, or a name")
    config.add_argument("--config", dest="config_option", metavar="CONFIG", help="the same")
    add_device(parser)
    add_devices(parser)
    add_logdir(parser, "exp_name")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint")
    parser.add_argument(
        "--no-animation", action="store_true", help="neither record nor draw an animation"
    )
    return set_command(parser, _train, _show_run)


def _train(arguments: argparse.Namespace) -> Results:
    # Settings name kinds of points and models, which the registry knows once torch is imported.
    with no_gc_imports():
        given = (arguments.config, arguments.config_option)
        config = load_config(next(name for name in given if name is not None), arguments.settings)
        from nrae_geometric.experiments import run_experiment

    flush_denormals()
    keep_freed_memory()
    result = run_experiment(
        config,
        device=arguments.device,
        devices=arguments.devices,
        num_nodes=arguments.num_nodes,
        logdir=arguments.logdir,
        resume=arguments.resume,
        animate=not arguments.no_animation,
    )
    end_unless_first()
    measures = {"loss": result.history[-1]["loss"], **result.metrics}
    return {"measures": measures, "directory": str(result.directory)}


def _show_run(results: Results) -> None:
    print_measures(results["measures"])
    print(f"results in {results['directory']}")


def add_list(commands: Commands) -> CommandParser:
    """Adds ``nrae list`` to the commands."""
    parser = commands.add_parser(
        "list", help="list the packaged experiments", example="nrae list", takes_settings=True
    )
    return set_command(parser, _list, _show_list)


def _list(arguments: argparse.Namespace) -> Results:
    refuse_settings("list", arguments.settings)
    experiments = []
    for name in experiment_names():
        settings = read_settings(name)
        points, epochs = settings["data"]["training"], settings["training"]["num_epochs"]
        experiments.append(
            {"name": name, "dataset": points["dataset"], "type": points["type"], "epochs": epochs}
        )
    return {"experiments": experiments}


def _show_list(results: Results) -> None:
    for row in results["experiments"]:
        print(f"{row['name']:30}  {row['dataset']} {row['type']:10}  {row['epochs']} epochs")
