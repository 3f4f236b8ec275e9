"""The points of ``rivals.py``, with their true manifolds where they are known."""

import os
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from _fit_data import DATA
from _reproduce_extra import unrolled
from numpy.typing import NDArray
from scipy.spatial.distance import pdist
from torch.nn.functional import avg_pool2d, interpolate

from nrae_geometric.datasets import RotatedDigits, SinCurve, SwissRoll
from nrae_geometric.datasets.orbits import shift

_DENSE = 10_000
_GOLDEN_RATIO = (1 + 5**0.5) / 2
_NUM_MNIST = 2000
# Shifts by a part of a pixel: those of an image enlarged by this factor.
_PARTS = 4


class Problem(NamedTuple):
    """Points, and what is known of their manifold.

    Attributes:
        x: The points ``[N, D]``.
        dim: How many coordinates to find.
        y: The true coordinates ``[N]`` or ``[N, p]``, or labels ``[N]`` to color by.
        clean: Points that cover the true manifold densely.
        distances: From true coordinates to the distances of all pairs along the manifold.
    """

    x: NDArray[np.float32]
    dim: int
    y: NDArray[np.float64]
    clean: NDArray[np.float32] | None = None
    distances: Callable[[NDArray[np.float64]], NDArray[np.float64]] | None = None


def _sine(seed: int) -> Problem:
    return _curve(SinCurve(200, 0.2, seed=seed))


def _spiral(seed: int) -> Problem:
    return _curve(SwissRoll(100, 0.03, seed=seed))


def _curve(dataset: SinCurve | SwissRoll) -> Problem:
    data = dataset[0]
    return Problem(data.x.numpy(), 1, data.y.double().numpy(), dataset.manifold().x.numpy())


def _roll(seed: int) -> Problem:
    dataset = SwissRoll(1000, 0.05, dim=3, seed=seed)
    data, clean = dataset[0], dataset.manifold(_DENSE).x.numpy()
    return Problem(data.x.numpy(), 2, unrolled(data.y).numpy(), clean, pdist)


def _torus(seed: int, num: int = 1000, noise: float = 0.05) -> Problem:
    """The flat torus in four dimensions, on which distances are those of two circles."""
    rng = np.random.default_rng(seed)
    angles = rng.uniform(0, 2 * np.pi, (num, 2))
    points = _on_torus(angles) + noise * rng.normal(size=(num, 4))
    clean = _on_torus(_lattice() * 2 * np.pi)
    return Problem(points.astype(np.float32), 2, angles, clean.astype(np.float32), _around)


def _on_torus(angles: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.column_stack([np.cos(angles), np.sin(angles)])


def _around(angles: NDArray[np.float64]) -> NDArray[np.float64]:
    """The distances of all pairs on the flat torus."""
    each = [pdist(angle[:, None]) for angle in angles.T]
    return np.hypot(*(np.minimum(gap, 2 * np.pi - gap) for gap in each))


def _sphere(seed: int, num: int = 1000, noise: float = 0.02) -> Problem:
    """A half of the unit sphere, on which distances are angles: no plane has them."""
    rng = np.random.default_rng(seed)
    true = _on_half_sphere(rng.uniform(size=(num, 2)))
    points = true + noise * rng.normal(size=true.shape)
    clean = _on_half_sphere(_lattice())
    return Problem(points.astype(np.float32), 2, true, clean.astype(np.float32), _angles)


def _on_half_sphere(places: NDArray[np.float64]) -> NDArray[np.float64]:
    height, turn = places[:, 0], 2 * np.pi * places[:, 1]
    radius = np.sqrt(1 - height**2)
    return np.column_stack([radius * np.cos(turn), radius * np.sin(turn), height])


def _angles(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """The distances of all pairs along the unit sphere."""
    return 2 * np.arcsin(np.clip(pdist(points) / 2, 0, 1))


def _lattice() -> NDArray[np.float64]:
    """Places that fill the unit square evenly."""
    steps = np.arange(_DENSE)
    return np.column_stack([(steps + 0.5) / _DENSE, steps * _GOLDEN_RATIO % 1])


def _rotated(seed: int) -> Problem:
    dataset = RotatedDigits()
    data, clean = dataset[0], dataset.manifold().x.flatten(1).numpy()
    return Problem(data.x.flatten(1).numpy(), 1, data.y.double().numpy(), clean)


def _shifted(seed: int) -> Problem:
    """One digit, shifted from left to right by quarters of a pixel."""
    image = interpolate(RotatedDigits().image[None], scale_factor=_PARTS, mode="bilinear")[0]
    offsets = torch.arange(-10 * _PARTS, 10 * _PARTS, dtype=torch.float64)
    x = avg_pool2d(shift(image, offsets, 0.7), _PARTS).flatten(1).numpy()
    return Problem(x, 1, (offsets / _PARTS).numpy(), x)


def _labeled(name: str, num: int | None, seed: int) -> Problem:
    x, y = DATA[name]()
    assert y is not None
    return Problem(x[:num], 2, y[:num].astype(np.float64))


PROBLEMS: dict[str, Callable[[int], Problem]] = {
    "noisy sine": _sine,
    "spiral": _spiral,
    "roll": _roll,
    "torus": _torus,
    "half sphere": _sphere,
    "rotated digit": _rotated,
    "shifted digit": _shifted,
    "digits": partial(_labeled, "digits", None),
    "MNIST": partial(_labeled, "mnist_5000", _NUM_MNIST),
    "breast cancer": partial(_labeled, "breast_cancer", None),
}
"""From a seed to the points, by the names of the data sets."""


def available(name: str) -> bool:
    """Whether a data set is there; MNIST needs the folder that NRAE_DATA names."""
    return name != "MNIST" or "NRAE_DATA" in os.environ
