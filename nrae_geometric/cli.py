"""The command line: ``nrae train`` and ``nrae list``."""

import argparse
import logging
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from nrae_geometric.training.config import (
    ExperimentConfig,
    experiment_names,
    load_experiment,
    parse_yaml,
)
from nrae_geometric.version import __version__

_USER_ERROR = 2
_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Args:
        argv: The arguments; those of the process by default.

    Returns:
        The exit code: 0, 2 for what the user can put right, 130 after Ctrl-C.
    """
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    try:
        arguments, settings = _split_settings(sys.argv[1:] if argv is None else argv)
        parsed = _parser().parse_args(arguments)
        parsed.run(parsed, settings)
    except KeyboardInterrupt:
        print("nrae: interrupted", file=sys.stderr)
        return _INTERRUPTED
    except (ValueError, OSError, FloatingPointError) as error:
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

    train = commands.add_parser(
        "train",
        help="train, measure and picture an experiment",
        usage="nrae train CONFIG [--device DEVICE] [--logdir DIR] [--resume] [--no-animation] "
        "[--key value]...",
        description="Train, measure and picture an experiment. Any setting of the configuration "
        "can be given as well, for example --training.num_epochs 100 or --seed 2.",
        allow_abbrev=False,
    )
    config = train.add_mutually_exclusive_group(required=True)
    config.add_argument("config", nargs="?", metavar="CONFIG", help="a YAML file, or a name")
    config.add_argument("--config", dest="config_option", metavar="CONFIG", help="the same")
    train.add_argument(
        "--device", default="auto", help="auto, cpu, or the number of a GPU (default: auto)"
    )
    train.add_argument(
        "--logdir",
        default="results",
        metavar="DIR",
        help="results go to DIR/exp_name (default: results)",
    )
    train.add_argument("--resume", action="store_true", help="go on from the checkpoint")
    train.add_argument("--no-animation", action="store_true", help="do not draw the animation")
    train.set_defaults(run=_train)

    listing = commands.add_parser("list", help="list the packaged experiments")
    listing.set_defaults(run=_list)
    return parser


def _split_settings(argv: Sequence[str]) -> tuple[list[str], dict[str, Any]]:
    """Takes the settings, ``--key value`` or ``--key=value``, out of the arguments.

    They are told from options by a dot or by being a key of the file's top level.
    """
    arguments: list[str] = []
    settings: dict[str, Any] = {}
    rest = iter(argv)
    for argument in rest:
        key, equals, value = argument.removeprefix("--").partition("=")
        is_setting = "." in key or key in ExperimentConfig.model_fields
        if not (argument.startswith("--") and is_setting):
            arguments.append(argument)
            continue
        if not equals:
            value = next(rest, "--")
        if value.startswith("--"):
            raise ValueError(f"--{key} needs a value")
        settings[key] = parse_yaml(value, f"--{key}")
    return arguments, settings


def _train(arguments: argparse.Namespace, settings: dict[str, Any]) -> None:
    config = ExperimentConfig.from_yaml(arguments.config or arguments.config_option, settings)
    # Imported here to show help and faults in the configuration without waiting for torch.
    from nrae_geometric.training.experiment import run_experiment

    result = run_experiment(
        config,
        device=arguments.device,
        logdir=arguments.logdir,
        resume=arguments.resume,
        animate=not arguments.no_animation,
    )
    print(f"loss  {result.history[-1]['loss']:.4g}")
    for name, value in _flat(result.metrics):
        print(f"{name}  {value}" if isinstance(value, int) else f"{name}  {value:.4g}")
    print(f"results in {result.directory}")


def _list(arguments: argparse.Namespace, settings: dict[str, Any]) -> None:
    if settings:
        raise ValueError(f"list takes no settings, got --{next(iter(settings))}")
    for name in experiment_names():
        config = load_experiment(name)
        points, epochs = config.data.training, config.training.num_epochs
        print(f"{name:30}  {points.dataset} {points.type:10}  {epochs} epochs")


def _flat(metrics: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, int | float]]:
    for name, value in metrics.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
