"""``nrae tune``: k, lambda and order for points."""

import argparse
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nrae_geometric.cli.process import flush_denormals, keep_freed_memory, no_gc_imports
from nrae_geometric.cli.settings import add_device, add_logdir
from nrae_geometric.configs import ExperimentConfig, load_config

if TYPE_CHECKING:
    import numpy as np

    from nrae_geometric.estimator import ManifoldAutoencoder
    from nrae_geometric.tuning import TuningResult

_NUM_ROWS = 10


def add_tune(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
) -> argparse.ArgumentParser:
    """Adds ``nrae tune`` to the commands."""
    parser = commands.add_parser(
        "tune",
        help="choose k, lambda and order for your points",
        usage="nrae tune POINTS [--trials N] [--epochs N] [--latent-dim D] [--device DEVICE] "
        "[--logdir DIR] [--seed SEED] [--key value]...",
        description="Choose the number of neighbors k, the kernel's weight lambda and the order "
        "by the reconstruction error of points left out. A search that was stopped goes on where "
        "it was. Settings of a configuration can be given as well, as for nrae train.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "points",
        metavar="POINTS",
        help="a file of points, or a folder of images; or an experiment, as for nrae train, for "
        "its points, hidden layers, latent dimension and learning rate",
    )
    parser.add_argument(
        "--trials", type=int, default=30, metavar="N", help="settings to try (default: 30)"
    )
    parser.add_argument(
        "--epochs", type=int, default=500, metavar="N", help="epochs of each (default: 500)"
    )
    parser.add_argument(
        "--latent-dim", type=int, default=1, metavar="D", help="for a file (default: 1)"
    )
    add_device(parser)
    add_logdir(parser, "tune_NAME")
    parser.set_defaults(run=_tune)
    return parser


def _tune(arguments: argparse.Namespace, settings: dict[str, Any]) -> None:
    path = Path(arguments.points)
    is_file = path.is_dir() or path.suffix not in ("", ".yml", ".yaml")
    # Imported here to show help without waiting for torch.
    with no_gc_imports():
        config = None if is_file else load_config(arguments.points, settings)
        from nrae_geometric.tuning import tune

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
    _print(result, None if config is None else arguments.points)
    print(f"results in {directory}")


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
    optuna.logging.set_verbosity(optuna.logging.WARNING)


def _print(result: "TuningResult", experiment: str | None) -> None:
    print(f"{'score':>10}  {'k':>3}  {'lambda':>8}  order  state")
    for row in result.table[:_NUM_ROWS]:
        score = "" if row["score"] is None else f"{row['score']:.4f}"
        print(
            f"{score:>10}  {row['n_neighbors']:>3}  {row['neighbor_weight']:>8.3g}  "
            f"{row['order']:>5}  {row['state']}"
        )
    if len(result.table) > _NUM_ROWS:
        print(f"and {len(result.table) - _NUM_ROWS} more in trials.csv")
    best = result.best_estimator
    print("use the best with either of" if experiment else "use the best with")
    print(textwrap.indent(repr(best), "  "))
    if experiment is not None:
        print(f"  nrae train {experiment} {_overrides(best)}")


def _overrides(best: "ManifoldAutoencoder") -> str:
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
    return " ".join(f"--{key} {value}" for key, value in settings.items())
