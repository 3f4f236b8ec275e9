"""Does tuning, which never sees the true manifold, pick what is best by the truth?

For the noisy sine, the Swiss roll and one rotated MNIST image, :func:`nrae_geometric.tuning.tune`
tries settings and picks one. Then every setting it tried is learned from all points and compared
with the clean manifold. Run again, the search goes on where it was stopped.
"""

import argparse
import os
from pathlib import Path

import torch
from _report import Table, write_report
from torch_geometric.data import Data
from tqdm import tqdm

from nrae_geometric.datasets import RotatedMNIST, SinCurve, SwissRoll
from nrae_geometric.estimator import ManifoldAutoencoder
from nrae_geometric.metrics import latent_order, manifold_distance, reconstruction_error
from nrae_geometric.tuning import tune
from nrae_geometric.tuning.objective import with_settings

ERROR, DISTANCE, ORDER = "error", "distance", "1 - Spearman"


def dataset(name: str, seed: int) -> SinCurve | SwissRoll | RotatedMNIST:
    if name == "sine":
        return SinCurve(50, 0.3, seed=seed)
    if name == "roll":
        return SwissRoll(30, 0.01, seed=seed)
    return RotatedMNIST(os.environ.get("NRAE_DATA", "~/.cache/nrae_geometric"), digit=3)


def truth(estimator: ManifoldAutoencoder, points: Data, manifold: Data) -> dict[str, float]:
    """How far a setting's manifold is from the clean one in three ways; smaller is better."""
    estimator.fit(points.x)
    z = estimator.transform(manifold.x)
    recon = estimator.inverse_transform(z)
    distance = manifold_distance(
        estimator.inverse_transform, estimator.transform(points.x), manifold.x
    )
    return {
        ERROR: reconstruction_error(manifold.x, recon).item(),
        DISTANCE: (distance.learned_to_true + distance.true_to_learned) / 2,
        ORDER: 1 - latent_order(z, manifold.y).spearman,
    }


def compare(name: str, seed: int, arguments: argparse.Namespace, picks: Table) -> Table:
    data = dataset(name, seed)
    points, manifold = data[0], data.manifold()
    title = f"{name}, seed {seed}"
    estimator = ManifoldAutoencoder(1, max_epochs=arguments.epochs, random_state=seed, device="cpu")
    directory = arguments.logdir / f"tune_{name}_{seed}"
    found = tune(points.x, estimator, num_trials=arguments.trials, seed=seed, directory=directory)
    trials = Table(title, ["score", "k", "lambda", "order", "state", ERROR, DISTANCE, ORDER])
    measured = []
    for row in tqdm(found.table, desc=title):
        settings = {name: row[name] for name in ("n_neighbors", "neighbor_weight", "order")}
        measured.append(truth(with_settings(estimator, settings), points, manifold))
        trials.add(row["score"], *settings.values(), row["state"], *measured[-1].values())
    for measure in (ERROR, DISTANCE, ORDER):
        values = [each[measure] for each in measured]
        median = torch.tensor(values).median().item()
        best = min(values)
        # Where all orders are right, the ratio of what is left of them says nothing.
        ratio = None if measure == ORDER else values[0] / best
        picks.add(title, measure, values[0], best, median, max(values), ratio)
    return trials


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=["sine", "roll", "orbit"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--trials", type=int, default=16)
    parser.add_argument("--epochs", type=int, help="by default those of a fit")
    parser.add_argument("--logdir", type=Path, default=Path("results"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    picks = Table(
        "What tuning picks",
        ["points", "true measure", "picked", "best", "median", "worst", "picked ÷ best"],
    )
    tables = [
        compare(name, seed, arguments, picks)
        for name in arguments.names
        for seed in ([1] if name == "orbit" else arguments.seeds)
    ]
    write_report("tuning_" + "_".join(arguments.names), [picks, *tables])


if __name__ == "__main__":
    main()
