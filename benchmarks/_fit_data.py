"""The points of ``fit_speed.py``."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_wine, make_swiss_roll
from sklearn.preprocessing import StandardScaler

Points = tuple[np.ndarray, np.ndarray | None]
"""Points ``[N, D]`` in float32, and their labels ``[N]`` where they have some."""

_SHEETS, _SHEET_DIM, _WAVES = 3, 16, 8


def three_sheets(num_points: int, seed: int = 0) -> Points:
    r"""Three separate smooth sheets in 16 dimensions, and which of them each point is on.

    Sheet :math:`s` is the image of the square :math:`[-1, 1]^2` under

    .. math::
        u \mapsto c_s + u Q_s + \tfrac14 \sin(u W_s + \varphi_s) B_s,

    with orthonormal rows in :math:`Q_s` and :math:`B_s`, perpendicular to each other, so that no
    sheet meets itself, and centers :math:`c_s` at a distance of six from each other.
    """
    rng = np.random.default_rng(seed)
    centers = np.linalg.qr(rng.normal(size=(_SHEET_DIM, _SHEETS)))[0].T * (6 / np.sqrt(2))
    sheet = np.arange(num_points) % _SHEETS
    x = np.empty((num_points, _SHEET_DIM), np.float32)
    for s in range(_SHEETS):
        basis = np.linalg.qr(rng.normal(size=(_SHEET_DIM, 2 + _WAVES)))[0].T
        waves = rng.normal(scale=2.0, size=(2, _WAVES))
        phase = rng.uniform(0, 2 * np.pi, _WAVES)
        u = rng.uniform(-1, 1, (int((sheet == s).sum()), 2))
        x[sheet == s] = centers[s] + u @ basis[:2] + np.sin(u @ waves + phase) @ basis[2:] / 4
    return x, sheet


def _standardized(bunch: Callable[..., tuple[np.ndarray, np.ndarray]]) -> Points:
    x, y = bunch(return_X_y=True)
    return StandardScaler().fit_transform(x).astype(np.float32), y


def _digits() -> Points:
    x, y = load_digits(return_X_y=True)
    return x.astype(np.float32), y


def _swiss_roll() -> Points:
    return make_swiss_roll(1500, random_state=0)[0].astype(np.float32), None


def _mnist(num_points: int) -> Points:
    from nrae_geometric.datasets import MNIST

    images = MNIST(Path(os.environ["NRAE_DATA"]), download=False)
    return images.x[:num_points].flatten(1).numpy(), images.y[:num_points].numpy()


DATA: dict[str, Callable[[], Points]] = {
    "wine": lambda: _standardized(load_wine),
    "breast_cancer": lambda: _standardized(load_breast_cancer),
    "digits": _digits,
    "swiss_roll": _swiss_roll,
    "mnist_5000": lambda: _mnist(5_000),
    "mnist_60000": lambda: _mnist(60_000),
    "sheets_1000000": lambda: three_sheets(1_000_000),
}
"""The data sets by name, from small to large."""
SMALL = tuple(DATA)[:4]
LARGE = "sheets_1000000"


def available(name: str) -> bool:
    """Whether a data set is there; MNIST needs the folder that NRAE_DATA names."""
    return not name.startswith("mnist") or "NRAE_DATA" in os.environ
