"""``nrae tune``: the number of neighbors and a method's settings for points."""

import argparse
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nrae_geometric.atomic import atomic_write
from nrae_geometric.cli.fit import PICTURE_SUFFIX, fit_command, write_model
from nrae_geometric.cli.inputs import Input, add_points, read_input
from nrae_geometric.cli.outputs import MODEL_SUFFIX
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
    from nrae_geometric.estimator import ManifoldAutoencoder

_NUM_ROWS = 10
_OF_FILES = {
    "columns": "--columns",
    "array": "--array",
    "label_column": "--label-column",
    "latent_dim": "--latent-dim",
    "method": "--method",
}
# How the table of trials heads settings that have a short name.
_HEADS = {"n_neighbors": "k", "neighbor_weight": "lambda"}


def add_tune(commands: Commands) -> CommandParser:
    """Adds ``nrae tune`` to the commands."""
    parser = commands.add_parser(
        "tune",
        help="choose the settings of a model for your points",
        usage="nrae tune POINTS [--method NAME] [--latent-dim D] [--trials N] [--folds N] "
        "[--seed SEED] [option]... [--key value]...",
        description="Choose the settings of a model by the reconstruction error of points left "
        "out, and learn a manifold of all points with the best: of NRAE the number of neighbors k, "
        "the kernel's weight lambda and the order, of other models what they weigh. "
        "The best so far is on disk after each trial, and the same command goes on where "
        "it was stopped. Settings of a configuration can be given as well, as for nrae train.",
        example="nrae tune points.csv --label-column kind --latent-dim 2",
        takes_settings=True,
    )
    add_points(
        parser,
        labels=True,
        others="; or an experiment, as for nrae train, for its points, hidden layers, latent "
        "dimension and learning rate",
    )
    parser.add_argument(
        "--latent-dim",
        "--n-components",
        type=positive,
        metavar="D",
        help="latent coordinates of a file's points (default: 2, or 1 of points of two values)",
    )
    parser.add_argument(
        "--method",
        metavar="NAME",
        help="the model of a file's points, which is named in the folder as well (default: nrae)",
    )
    parser.add_argument(
        "--trials", type=positive, default=30, metavar="N", help="settings to try (default: 30)"
    )
    parser.add_argument(
        "--folds",
        type=positive,
        default=3,
        metavar="N",
        help="parts of the points, of which each is left out in turn (default: 3)",
    )
    parser.add_argument(
        "--epochs", type=positive, metavar="N", help="epochs of each fit (default: as nrae fit)"
    )
    add_device(parser)
    add_logdir(parser, "tune_NAME")
    return set_command(parser, _tune, _show)


def _tune(arguments: argparse.Namespace) -> Results:
    settings = arguments.settings
    path = Path(arguments.points).expanduser().absolute()
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
        seed, name = _seed(settings), path.stem
        if arguments.method is not None:  # so that methods can be compared
            name = f"{name}_{arguments.method}"
        points, estimator = _from_file(arguments)
    else:
        seed, name = config.seed, config.exp_name
        points, estimator = _from_experiment(arguments, config)
    estimator.set_params(max_epochs=arguments.epochs, random_state=seed, device=arguments.device)
    directory = Path(arguments.logdir).expanduser() / f"tune_{name}"
    model = directory / f"model{MODEL_SUFFIX}"
    picture = model.with_suffix(PICTURE_SUFFIX)
    _silence_optuna()
    try:
        result = tune(
            points.points,
            estimator,
            num_trials=arguments.trials,
            num_folds=arguments.folds,
            seed=seed,
            directory=directory,
            progress=sys.stderr is not None and sys.stderr.isatty(),
        )
        best = result.best_estimator.fit(points.points)
        write_model(best, points, model, picture, arguments)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(_so_far(directory / "best.json")) from None
    if config is None:
        command = fit_command(arguments, str(model), best.get_params(deep=False))
    else:
        command = _train_command(arguments.points, best)
    with atomic_write(directory / "command.txt") as temporary:
        temporary.write_text(f"{command}\n", encoding="utf-8")
    return {
        "best": result.best,
        "score": result.score,
        "trials": result.table,
        "estimator": repr(best),
        "command": command,
        "model": str(model),
        "picture": str(picture),
        "directory": str(directory),
    }


def _so_far(best: Path) -> str:
    """What a search that is stopped leaves behind."""
    if not best.is_file():
        return "no trial was done, and nothing is kept"
    return f"the best so far is in {best}, and the same command goes on from there"


def _seed(settings: dict[str, Any]) -> int:
    if unknown := settings.keys() - {"seed"}:
        raise ValueError(f"a file of points has no settings but --seed, got --{sorted(unknown)[0]}")
    seed = settings.get("seed", 0)
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise ValueError(f"--seed must be an integer from 0 to {2**32 - 1}, got {seed!r}")
    return seed


def _from_file(arguments: argparse.Namespace) -> "tuple[Input, ManifoldAutoencoder]":
    from nrae_geometric.estimator import ManifoldAutoencoder
    from nrae_geometric.tuning.space import usual_components

    points = read_input(arguments)
    dim = arguments.latent_dim or usual_components(points.points)
    return points, ManifoldAutoencoder(dim, method=arguments.method or "nrae")


def _from_experiment(
    arguments: argparse.Namespace, config: ExperimentConfig
) -> "tuple[Input, ManifoldAutoencoder]":
    from nrae_geometric.estimator import ManifoldAutoencoder

    for name, option in _OF_FILES.items():
        if getattr(arguments, name) is not None:
            raise ValueError(f"{option} is for a file of points, but {arguments.points} is none")
    estimator = ManifoldAutoencoder(
        config.model.z_dim,
        hidden_layer_sizes=tuple(config.model.encoder.l_hidden),
        learning_rate=config.optimizer.lr,
    )
    points = config.data.training.build(config.seed)[0].x.numpy()
    return Input(points, None, None), estimator


def _silence_optuna() -> None:
    try:
        import optuna
    except ModuleNotFoundError:
        return  # tune() says what to install
    # A trial that ends in an error ends the command, which says so in one line.
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def _show(results: Results) -> None:
    from nrae_geometric.tuning.result import setting_names

    trials = results["trials"]
    shown = trials[:_NUM_ROWS]
    columns = [
        ("score", [_number(row["score"], ".4f") for row in shown]),
        *(
            (_HEADS.get(name, name), [_number(row.get(name), ".3g") for row in shown])
            for name in setting_names(trials)
        ),
    ]
    widths = [max(10, len(head), *map(len, cells)) for head, cells in columns]
    states = ["state", *(row["state"] for row in shown)]
    lines = zip(*([head, *cells] for head, cells in columns), states, strict=True)
    for *cells, state in lines:
        aligned = (f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True))
        print(f"{'  '.join(aligned)}  {state}")
    if (num_more := len(results["trials"]) - _NUM_ROWS) > 0:
        print(f"and {num_more} more in trials.csv")
    print(f"\nmodel    {results['model']}\npicture  {results['picture']}")
    print(f"trials   {Path(results['directory']) / 'trials.csv'}")
    print("\nthe best again, from the shell or in Python")
    print(f"  {results['command']}")
    print(textwrap.indent(results["estimator"], "  "))


def _number(value: Any, form: str) -> str:
    """A cell of the table; a trial whose loss was not finite has no score."""
    if value is None:
        return ""
    return format(value, form) if isinstance(value, float) else str(value)


def _train_command(experiment: str, best: "ManifoldAutoencoder") -> str:
    """The command line that trains an experiment in the published way."""
    from nrae_geometric.budget import choose_budget

    budget, _ = choose_budget(best.graph_.num_nodes, best.batch_size, best.max_epochs)
    settings = {
        "model.arch": "nrael" if best.order == 1 else "nraeq",
        "model.kernel.type": "binary",
        "model.kernel.lambda": f"{best.neighbor_weight:.3g}",
        "data.training.batch_size": budget.batch_size,
        "data.training.graph.num_nn": best.n_neighbors,
        "data.training.graph.bs_nn": 1 + best.n_sampled_neighbors,
        "data.training.graph.include_center": "true",
        "data.training.graph.replace": "false",
        "training.num_epochs": budget.max_epochs,
        "training.init": "geodesic",
    }
    given = " ".join(f"--{key} {value}" for key, value in settings.items())
    return f"nrae train {experiment} {given}"
