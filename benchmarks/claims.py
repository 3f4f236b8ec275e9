r"""What the papers of the regularized autoencoders claim, measured beside a plain autoencoder.

::

    OMP_NUM_THREADS=1 python benchmarks/claims.py
    python benchmarks/claims.py --report     # the tables, no runs

Each claim has a quantity of its own, which both models are judged by: with the same points,
networks, start, batches and epochs, their settings the defaults of the library, five seeds. A claim
is reproduced from a start where all seeds of the model are better than all of the plain one. Its
scale is not that of the papers: some hundred points, two latent coordinates. Finished runs are kept
in ``results/claims_runs.json`` and never repeated.
"""

import argparse
import statistics
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import torch
from _claims_measures import DATA, MEASURES
from _record import Record, finish, read_record
from _report import RESULTS, Table, machine, write_report
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

from nrae_geometric.callbacks import EmbeddingStart
from nrae_geometric.estimator import ManifoldAutoencoder
from nrae_geometric.registry import MODELS

STARTS = ("random", "geodesic")
SEEDS = 5


class Claim(NamedTuple):
    """What a paper says, and what would show it.

    Attributes:
        method: The model.
        text: The claim.
        source: The paper.
        data: The points that it is measured on.
        measure: The quantity, a name of ``_claims_measures.py``.
        larger_is_better: Whether the model is to have more of it than the plain one.
        settings: Those that are not the defaults, so that the quantity is what the model is for.
        other: What it is compared with.
    """

    method: str
    text: str
    source: str
    data: str
    measure: str
    larger_is_better: bool = False
    settings: tuple[tuple[str, float], ...] = ()
    other: str = "ae"


CLAIMS = (
    Claim(
        "nrae",
        "decodes nearer to the manifold that noise hides",
        "Lee, Kwon and Park 2021",
        "noisy sine",
        "clean error",
    ),
    Claim(
        "ae",
        "reconstructs better than as many principal components",
        "Hinton and Salakhutdinov 2006",
        "digits",
        "held-out R²",
        True,
        other="PCA",
    ),
    Claim(
        "vae",
        "draws from the prior decode to new points like the given ones",
        "Kingma and Welling 2014, section 5",
        "digits",
        "energy distance of draws",
    ),
    Claim(
        "wae",
        "draws from the prior decode to points like the given ones, nearer than a VAE's",
        "Tolstikhin and others 2018, section 4",
        "digits",
        "energy distance of draws",
        other="vae",
    ),
    Claim(
        "dae",
        "restores points from noisy ones",
        "Vincent and others 2008",
        "digits",
        "error from noisy points",
        settings=(("noise", 0.5),),
    ),
    Claim(
        "cae",
        "latents resist small changes of the points",
        "Rifai and others 2011",
        "digits",
        "change of latents",
    ),
    Claim(
        "grae",
        "interpolates nearer to the manifold",
        "Duque and others 2020",
        "roll",
        "interpolation error",
    ),
    Claim(
        "spae",
        "distances of latents are those of points up to one factor",
        "Singh and Nag 2021",
        "digits",
        "deviation of log ratios",
    ),
    Claim(
        "topoae",
        "shows spheres within a sphere: densities stay what they are",
        "Moor and others 2020, section 5",
        "nested spheres",
        "KL of densities",
    ),
    Claim(
        "irae",
        "distorts less",
        "Lee and others 2022",
        "roll",
        "condition number",
    ),
    Claim(
        "ggae",
        "keeps distances along the graph",
        "Lim and others 2024",
        "roll",
        "correlation with true distances",
        True,
    ),
    Claim(
        "parametric_umap",
        "new points are among neighbors of their own kind",
        "Sainburg, McInnes and Gentner 2021",
        "digits",
        "accuracy of new points' neighbors",
        True,
    ),
)


@dataclass(frozen=True)
class Run:
    """One fit, judged by one claim's quantity."""

    method: str
    data: str
    measure: str
    start: str
    seed: int
    settings: tuple[tuple[str, float], ...] = ()

    @property
    def key(self) -> str:
        return f"{self.data}:{self.measure}:{self.method}:{self.start}:{self.seed}"


def runs() -> list[Run]:
    """All runs, those of one seed one after the other."""
    return [
        Run(method, claim.data, claim.measure, start, seed, settings)
        for seed in range(SEEDS)
        for claim in CLAIMS
        for method, settings in ((claim.method, claim.settings), (claim.other, ()))
        for start in STARTS
    ]


def execute(run: Run) -> dict[str, Any]:
    """Fits, and measures the quantity."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    points, learned, left_out = _points(run.data, run.seed)
    fitted = _fitted(run.method, run.data, run.start, run.seed, run.settings)
    torch.manual_seed(run.seed)
    value = MEASURES[run.measure](fitted, points, learned, left_out, run.seed)
    return {"value": value, "processor": machine()["processor"]}


@cache
def _points(data: str, seed: int) -> tuple[Any, np.ndarray, np.ndarray]:
    points = DATA[data](seed)
    rows = train_test_split(np.arange(len(points.x)), test_size=0.2, random_state=seed)
    return points, *rows


@cache
def _fitted(method: str, data: str, start: str, seed: int, settings: tuple[Any, ...]) -> Any:
    points, learned, _ = _points(data, seed)
    if method == "PCA":
        return PCA(points.dim).fit(points.x[learned])
    callbacks = []
    if start == "random" and MODELS[method].needs_embedding:
        callbacks = [EmbeddingStart(num_steps=0)]  # coordinates in its loss, weights at random
    return ManifoldAutoencoder(
        points.dim,
        method=method,
        method_params=dict(settings),
        init=start,
        hidden_layer_sizes=(128, 128),
        activation="elu",
        callbacks=callbacks,
        random_state=seed,
        device="cpu",
    ).fit(points.x[learned])


def verdict(ours: list[float], theirs: list[float], larger_is_better: bool) -> str | None:
    """Whether all seeds are better, the median alone, or neither."""
    if not ours or not theirs:
        return None
    sign = 1 if larger_is_better else -1
    ours, theirs = [sign * value for value in ours], [sign * value for value in theirs]
    if min(ours) > max(theirs):
        return "yes"
    return "in part" if statistics.median(ours) > statistics.median(theirs) else "no"


def tables(record: Record) -> list[Table]:
    """The claims with their verdicts, and the ranges of the seeds."""
    claims = Table("Claims", ["model", "claim", "source", "seeds", "from random", "from geodesic"])
    values = Table(
        "Values",
        ["model", "points", "quantity", "beside", "start", "model's", "range", "other's", "range"],
    )
    for claim in CLAIMS:
        verdicts, seeds = [], SEEDS
        for start in STARTS:
            ours, theirs = (
                _values(record, Run(method, claim.data, claim.measure, start, 0))
                for method in (claim.method, claim.other)
            )
            seeds = min(seeds, len(ours), len(theirs))
            verdicts.append(verdict(ours, theirs, claim.larger_is_better))
            if ours and theirs:
                cells = [cell for each in (ours, theirs) for cell in _cells(each)]
                names = (claim.method, claim.data, claim.measure, claim.other, start)
                values.add(*names, *cells)
        claims.add(claim.method, claim.text, claim.source, seeds, *verdicts)
    return [claims, values]


def _values(record: Record, run: Run) -> list[float]:
    keys = [Run(run.method, run.data, run.measure, run.start, seed).key for seed in range(SEEDS)]
    return [record[key]["value"] for key in keys if key in record]


def _cells(values: list[float]) -> tuple[float, str]:
    return statistics.median(values), f"{min(values):.3g} to {max(values):.3g}"


def main(execute: Callable[[Run], dict[str, Any]] = execute) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--report", action="store_true", help="run nothing")
    arguments = parser.parse_args()
    path = RESULTS / "claims_runs.json"
    record = read_record(path) if arguments.report else finish(runs(), execute, 1, path)
    write_report("claims", tables(record))


if __name__ == "__main__":
    main()
