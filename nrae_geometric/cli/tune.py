"""``nrae tune``: k, lambda and order for points."""

import argparse
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nrae_geometric.cli.parsing import (
    CommandParser,
    Commands,
    Results,
    add_device,
    add_logdir,
    positive,
    set_command,
)
from nrae_geometric.cli.process import flush_denormals, keep_freed_memory, no_gc_imports
from nrae_geometric.configs import ExperimentConfig, load_config

if TYPE_CHECKING:
    import numpy as np

    from nrae_geometric.estimator import ManifoldAutoencoder

_NUM_ROWS = 10


def add_tune(commands: Commands) -> CommandParser:
    """Adds ``nrae tune`` to the commands."""
    parser = commands.add_parser(
        "tune",
        help="choose k, lambda and order for your points",
        usage="nrae tune POINTS [--trials N] [--epochs N] [--latent-dim D] [--device DEVICE] "
        "[--logdir DIR] [--seed SEED] [--json] [--debug] [--key value]...",
        description="Choose the number of neighbors k, the kernel's weight lambda and the order "
        "by the reconstruction error of points left out. A search that was stopped goes on where "
        "it was. Settings of a configuration can be given as well, as for nrae train.",
        example="nrae tune points.npy --latent-dim 2",
        takes_settings=True,
    )
    parser.add_argument(
        "points",
        metavar="POINTS",
        help="a file of points, or a folder of images; or an experiment, as for nrae train, for "
        "its points, hidden layers, latent dimension and learning rate",
    )
    parser.add_argument(
        "--trials", type=positive, default=30, metavar="N", help="settings to try (default: 30)"
    )
    parser.add_argument(
        "--epochs", type=positive, default=500, metavar="N", help="epochs of each (default: 500)"
    )
    parser.add_argument(
        "--latent-dim", type=positive, default=1, metavar="D", help="for a file (default: 1)"
    )
    add_device(parser)
    add_logdir(parser, "tune_NAME")
    return set_command(parser, _tune, _show)


def _tune(arguments: argparse.Namespace) -> Results:
    settings = arguments.settings
    path = Path(arguments.points)
    is_file = path.is_dir() or path.suffix not in ("", ".yml", ".yaml")
    # Imported here to show help without waiting for torch.
    with no_gc_imports():
        config = None if is_file else load_config(arguments.points, settings)
        from nrae_geometric.training.device import resolve_device
        from nrae_geometric.tuning import tune

    resolve_device(arguments.device)
    flush_denormals()
    keep_freed_memory()
    if config is None:
        points, estimator, seed = _from_file(arguments, settings)
        name = Path(arguments.points).stem
    else:
        points, estimator, seed = _from_experiment(config)
        name = config.exp_name
    estimator.set_params(max_epochs=arguments.epochs, random_state=seed, device=arguments.device)
    directory = Path(arguments.logdir) / f"tune_{name}"
    _silence_optuna()
    result = tune(points, estimator, num_trials=arguments.trials, seed=seed, directory=directory)
    return {
        "best": result.best,
        "score": result.score,
        "trials": result.table,
        "estimator": repr(result.best_estimator),
        "command": None if config is None else _command(arguments.points, result.best_estimator),
        "directory": str(directory),
    }


def _from_file(
    arguments: argparse.Namespace, settings: dict[str, Any]
) -> "tuple[np.ndarray, ManifoldAutoencoder, int]":
    from nrae_geometric.datasets import read_points
    from nrae_geometric.tuning import full_batch_estimator

    if unknown := settings.keys() - {"seed"}:
        raise ValueError(f"a file of points has no settings but --seed, got --{sorted(unknown)[0]}")
    seed = settings.get("seed", 0)
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise ValueError(f"--seed must be an integer from 0 to {2**32 - 1}, got {seed!r}")
    points, _ = read_points(arguments.points)
    points = points.reshape(len(points), -1)
    estimator = full_batch_estimator(len(points), n_components=arguments.latent_dim)
    return points, estimator, seed


def _from_experiment(config: ExperimentConfig) -> "tuple[np.ndarray, ManifoldAutoencoder, int]":
    from nrae_geometric.tuning import full_batch_estimator

    section = config.data.training
    points = section.build(config.seed)[0].x.numpy()
    estimator = full_batch_estimator(
        len(points),
        n_components=config.model.z_dim,
        hidden_layer_sizes=tuple(config.model.encoder.l_hidden),
        learning_rate=config.optimizer.lr,
    )
    return points, estimator, config.seed


def _silence_optuna() -> None:
    try:
        import optuna
    except ModuleNotFoundError:
        return  # tune() says what to install
    # A trial that ends in an error ends the command, which says so in one line.
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def _show(results: Results) -> None:
    print(f"{'score':>10}  {'k':>3}  {'lambda':>8}  order  state")
    for row in results["trials"][:_NUM_ROWS]:
        score = "" if row["score"] is None else f"{row['score']:.4f}"
        print(
            f"{score:>10}  {row['n_neighbors']:>3}  {row['neighbor_weight']:>8.3g}  "
            f"{row['order']:>5}  {row['state']}"
        )
    if (num_more := len(results["trials"]) - _NUM_ROWS) > 0:
        print(f"and {num_more} more in trials.csv")
    print("use the best with either of" if results["command"] else "use the best with")
    print(textwrap.indent(results["estimator"], "  "))
    if results["command"]:
        print(f"  {results['command']}")
    print(f"results in {results['directory']}")


def _command(experiment: str, best: "ManifoldAutoencoder") -> str:
    settings = {
        "model.arch": "nrael" if best.order == 1 else "nraeq",
        "model.kernel.type": "binary",
        "model.kernel.lambda": f"{best.neighbor_weight:.3g}",
        "data.training.batch_size": best.batch_size,
        "data.training.graph.num_nn": best.n_neighbors,
        "data.training.graph.bs_nn": 1 + best.n_sampled_neighbors,
        "data.training.graph.include_center": "true",
        "data.training.graph.replace": "false",
        "training.num_epochs": best.max_epochs,
        "training.init": "geodesic",
    }
    given = " ".join(f"--{key} {value}" for key, value in settings.items())
    return f"nrae train {experiment} {given}"
