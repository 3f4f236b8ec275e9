"""The points and quantities of ``claims.py``."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from _methods import K, agreement, explained
from _rivals_data import PROBLEMS, Problem
from numpy.typing import NDArray
from scipy.spatial.distance import cdist, pdist
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors

from nrae_geometric.datasets import SwissRoll
from nrae_geometric.metrics import decoder_distortion

_NOISE, _SMALL_NOISE, _SIGMA = 0.5, 0.1, 0.1
_SPHERES, _ON_EACH, _AROUND, _SPHERE_DIM = 10, 40, 400, 101


def _digits(seed: int) -> Problem:
    whole = PROBLEMS["digits"](seed)
    rows = np.random.default_rng(seed).permutation(len(whole.x))[:700]
    return Problem(whole.x[rows], 2, whole.y[rows])


def _roll(seed: int) -> Problem:
    from _reproduce_extra import unrolled

    dataset = SwissRoll(500, 0.05, dim=3, seed=seed)
    clean = dataset.manifold(5000).x.numpy()
    return Problem(dataset[0].x.numpy(), 2, unrolled(dataset[0].y).numpy(), clean)


def _nested_spheres(seed: int) -> Problem:
    """Small spheres in a large one, in 101 dimensions, of the paper's radii with fewer points."""
    rng = np.random.default_rng(seed)

    def sphere(num: int, radius: float) -> NDArray[np.float64]:
        points = rng.normal(size=(num, _SPHERE_DIM))
        return radius * points / np.linalg.norm(points, axis=1, keepdims=True)

    shift = 10 / np.sqrt(_SPHERE_DIM)
    parts = [
        sphere(_ON_EACH, 5) + shift * rng.normal(size=_SPHERE_DIM) for _ in range(_SPHERES)
    ] + [sphere(_AROUND, 25)]
    label = np.repeat(np.arange(_SPHERES + 1.0), [len(part) for part in parts])
    return Problem(np.concatenate(parts).astype(np.float32), 2, label)


DATA: dict[str, Callable[[int], Problem]] = {
    "noisy sine": PROBLEMS["noisy sine"],
    "digits": _digits,
    "roll": _roll,
    "nested spheres": _nested_spheres,
}
"""From a seed to the points, by their names."""

Rows = NDArray[np.intp]


def _spread(x: NDArray[np.float32]) -> float:
    return float(np.sqrt(np.square(x - x.mean(axis=0), dtype=np.float64).sum(axis=1).mean()))


def clean_error(fitted: Any, points: Problem, learned: Rows, left_out: Rows, seed: int) -> float:
    """The squared error of points of the true manifold, in units of the variance."""
    assert points.clean is not None
    recon = fitted.inverse_transform(fitted.transform(points.clean))
    squared = np.square(points.clean - recon, dtype=np.float64).sum(axis=1)
    return float(squared.mean() / _spread(points.x[learned]) ** 2)


def held_out_r2(fitted: Any, points: Problem, learned: Rows, left_out: Rows, seed: int) -> float:
    """The share of the variance of points left out that is reconstructed."""
    share = explained(fitted, points.x[learned], points.x[left_out])
    assert share is not None
    return share


def draws(fitted: Any, points: Problem, learned: Rows, left_out: Rows, seed: int) -> float:
    """The energy distance of decoded draws and points left out, in units of the spread.

    Of models with a prior the draws are its own, of others those of a normal distribution with the
    mean and covariance of the latents.
    """
    rng = np.random.default_rng(seed)
    z = fitted.transform(points.x[learned])
    if fitted.method in ("vae", "wae"):
        drawn = rng.normal(size=(500, z.shape[1]))
    else:
        drawn = rng.multivariate_normal(z.mean(axis=0), np.cov(z.T), 500)
    made, real = fitted.inverse_transform(drawn.astype(np.float32)), points.x[left_out]
    across = cdist(made, real).mean()
    return float((2 * across - pdist(made).mean() - pdist(real).mean()) / _spread(real))


def error_from_noisy(
    fitted: Any, points: Problem, learned: Rows, left_out: Rows, seed: int
) -> float:
    """The squared error of points left out, decoded from noisy ones, in units of the variance."""
    x = points.x[left_out]
    noise = np.random.default_rng(seed).normal(size=x.shape) * _NOISE * x.std()
    recon = fitted.inverse_transform(fitted.transform((x + noise).astype(np.float32)))
    return float(np.square(x - recon).sum(axis=1).mean() / _spread(points.x[learned]) ** 2)


def change(fitted: Any, points: Problem, learned: Rows, left_out: Rows, seed: int) -> float:
    """How far latents move where points move a little, in units of the latents' spread."""
    x = points.x[left_out]
    noise = np.random.default_rng(seed).normal(size=x.shape) * _SMALL_NOISE * x.std()
    z, moved = fitted.transform(x), fitted.transform((x + noise).astype(np.float32))
    return float(np.linalg.norm(moved - z, axis=1).mean() / _spread(z))


def interpolation(fitted: Any, points: Problem, learned: Rows, left_out: Rows, seed: int) -> float:
    """The distance of decoded middles of neighbors' latents from the manifold, per spread."""
    x = points.x[learned]
    z = fitted.transform(x)
    near = NearestNeighbors(n_neighbors=5).fit(x).kneighbors(return_distance=False)
    decoded = fitted.inverse_transform(((z[:, None] + z[near]) / 2).reshape(-1, points.dim))
    assert points.clean is not None
    there = NearestNeighbors(n_neighbors=1).fit(points.clean)
    return float(there.kneighbors(decoded)[0].mean() / _spread(x))


def log_ratios(fitted: Any, points: Problem, learned: Rows, left_out: Rows, seed: int) -> float:
    """The standard deviation of the logarithm of distances' ratios, of points left out."""
    x = points.x[left_out]
    return float(np.log(pdist(fitted.transform(x)) / pdist(x)).std())


def densities(fitted: Any, points: Problem, learned: Rows, left_out: Rows, seed: int) -> float:
    """The paper's divergence of densities of points and latents, of width 0.1 of the diameter."""
    x = points.x[learned]
    estimates = []
    for each in (x, fitted.transform(x)):
        distance = cdist(each, each)
        density = np.exp(-((distance / distance.max()) ** 2) / _SIGMA).sum(axis=1)
        estimates.append(density / density.sum())
    of_points, of_latents = estimates
    return float((of_points * np.log(of_points / of_latents)).sum())


def condition(fitted: Any, points: Problem, learned: Rows, left_out: Rows, seed: int) -> float:
    """The median condition number of the decoder's metric."""
    z = torch.from_numpy(np.asarray(fitted.transform(points.x[learned]), np.float32))
    return decoder_distortion(fitted.model_.decode, z).condition_number.median().item()


def correlation(fitted: Any, points: Problem, learned: Rows, left_out: Rows, seed: int) -> float:
    """The correlation with distances along the unrolled sheet."""
    return agreement(fitted.transform(points.x[learned]), points.y[learned])


def accuracy(fitted: Any, points: Problem, learned: Rows, left_out: Rows, seed: int) -> float:
    """How often the neighbors of new points' latents have their label."""
    judge = KNeighborsClassifier(K).fit(fitted.transform(points.x[learned]), points.y[learned])
    return float(judge.score(fitted.transform(points.x[left_out]), points.y[left_out]))


MEASURES: dict[str, Callable[[Any, Problem, Rows, Rows, int], float]] = {
    "clean error": clean_error,
    "held-out R²": held_out_r2,
    "energy distance of draws": draws,
    "error from noisy points": error_from_noisy,
    "change of latents": change,
    "interpolation error": interpolation,
    "deviation of log ratios": log_ratios,
    "KL of densities": densities,
    "condition number": condition,
    "correlation with true distances": correlation,
    "accuracy of new points' neighbors": accuracy,
}
"""The quantities by their names: of a fitted model, points, rows learned and left out, a seed."""
