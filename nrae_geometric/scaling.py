"""The unit in which a model sees points."""

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
from sklearn.preprocessing import StandardScaler
from torch import Tensor

# Beyond these, squares may have no float64.
_SMALL, _LARGE = 1e-140, 1e140
_LARGEST_RATIO_OF_RANGES = 10.0


def choose_scale(
    rows: np.ndarray, scale: str, one_unit: bool
) -> tuple[np.ndarray, float | np.ndarray, str | None]:
    """Returns the mean of points, what to divide them by, and why, if that was chosen.

    Args:
        rows (numpy.ndarray): Finite points ``[N, D]`` of any magnitude.
        scale (str): :obj:`"points"`, :obj:`"columns"` or :obj:`"auto"`, as in
            :class:`~nrae_geometric.estimator.ManifoldAutoencoder`.
        one_unit (bool): Whether the values are known to have one unit, as those of images.

    Raises:
        ValueError: If all points are equal.
    """
    center, number = center_and_scale(rows)
    limits = rows.min(axis=0), rows.max(axis=0)
    by_columns, reason = _divides_columns(scale, one_unit, *limits, number)
    return center, scale_columns(rows) if by_columns else number, reason


def choose_scale_of_blocks(
    blocks: Callable[[], Iterable[np.ndarray]], scale: str, one_unit: bool
) -> tuple[np.ndarray, float | np.ndarray, str | None]:
    """Returns what :func:`choose_scale` does, of points that are read some rows at a time.

    They are read once; once more where their squares are too large or too small for float64.

    Args:
        blocks (callable): Returns the finite points ``[B, D]``, block by block.
        scale (str): As in :func:`choose_scale`.
        one_unit (bool): As there.

    Raises:
        ValueError: If all points are equal.
    """
    moments = stream_moments(blocks())
    _check_spread(moments.low, moments.high, moments.num_rows)
    varies = moments.low < moments.high
    variance = moments.variance[varies]
    if not (np.isfinite(variance) & (variance > _SMALL**2)).all():
        return _choose_extreme_scale(blocks, moments, scale, one_unit)
    number = float(np.sqrt(moments.variance.mean()))
    by_columns, reason = _divides_columns(scale, one_unit, moments.low, moments.high, number)
    columns = np.where(varies, np.sqrt(moments.variance), 1.0)
    return moments.mean, columns if by_columns else number, reason


class Moments(NamedTuple):
    """What one pass over points tells of their columns.

    Attributes:
        num_rows (int): The number of points.
        low (numpy.ndarray): The smallest value of each column, ``[D]``.
        high (numpy.ndarray): The largest, ``[D]``.
        mean (numpy.ndarray): The mean, ``[D]`` in float64.
        variance (numpy.ndarray): The variance, ``[D]`` in float64.
    """

    num_rows: int
    low: np.ndarray
    high: np.ndarray
    mean: np.ndarray
    variance: np.ndarray


def stream_moments(blocks: Iterable[np.ndarray]) -> Moments:
    """Returns the moments of points that are read once.

    The variances of blocks are joined by the formula of `Chan et al. (1983)
    <https://doi.org/10.1080/00031305.1983.10483115>`_, as scikit-learn's ``StandardScaler`` does.

    Args:
        blocks (iterable of numpy.ndarray): Finite points ``[B, D]``, at least one.
    """
    scaler, limits = StandardScaler(), []
    with np.errstate(all="ignore"):
        for rows in blocks:
            scaler.partial_fit(rows)
            limits.append((rows.min(axis=0), rows.max(axis=0)))
            low, high = zip(*limits, strict=True)
            limits = [(np.min(low, axis=0), np.max(high, axis=0))]
    [(low, high)] = limits
    return Moments(int(scaler.n_samples_seen_), low, high, scaler.mean_, scaler.var_)


def _choose_extreme_scale(
    blocks: Callable[[], Iterable[np.ndarray]], moments: Moments, scale: str, one_unit: bool
) -> tuple[np.ndarray, float | np.ndarray, str | None]:
    """The same for columns whose squares have no float64, brought to ranges of -1 to 1 before."""
    # Of halves, no difference is infinite.
    middle = moments.low.astype(np.float64) * 0.5 + moments.high * 0.5
    reach = moments.high.astype(np.float64) * 0.5 - moments.low * 0.5
    reach[reach == 0] = 1.0
    scaled = stream_moments((rows * 0.5 - middle * 0.5) / (reach * 0.5) for rows in blocks())
    deviation = np.sqrt(scaled.variance) * reach
    most = float(deviation.max())
    number = float(np.sqrt(np.square(deviation / most).mean()) * most)
    by_columns, reason = _divides_columns(scale, one_unit, moments.low, moments.high, number)
    columns = np.where(moments.low < moments.high, deviation, 1.0)
    return middle + scaled.mean * reach, columns if by_columns else number, reason


def _divides_columns(
    scale: str, one_unit: bool, low: np.ndarray, high: np.ndarray, number: float
) -> tuple[bool, str | None]:
    """Returns whether each column has a scale of its own, and why, if that was chosen."""
    if scale != "auto":
        return scale == "columns", None
    ratio = None if one_unit else _ratio_of_ranges(low, high)
    if ratio is None:
        return False, f"all values are divided by one number, {number:.3g}"
    return True, f"each column is divided by its standard deviation: ranges differ by {ratio:.3g}"


def _check_spread(low: np.ndarray, high: np.ndarray, num_rows: int) -> None:
    if (low == high).all():
        raise ValueError(
            f"all {num_rows} points are equal, so that there is no manifold to learn; check how "
            "they were read or computed"
        )


def center_and_scale(rows: np.ndarray) -> tuple[np.ndarray, float]:
    """Returns the mean of points, and the square root of their mean variance.

    Args:
        rows (numpy.ndarray): Finite points ``[N, D]`` of any magnitude.

    Returns:
        tuple[numpy.ndarray, float]: The mean ``[D]`` in float64, and a positive number.

    Raises:
        ValueError: If all points are equal.
    """
    low, high = rows.min(axis=0), rows.max(axis=0)
    _check_spread(low, high, len(rows))
    largest = max(abs(float(low.min())), abs(float(high.max())))
    unit = 1.0
    if not _SMALL < largest < _LARGE:
        # A power of two, by which nothing is rounded.
        unit = math.ldexp(1.0, math.frexp(largest)[1] - 1)
        rows = rows / np.float64(unit)
    center = rows.mean(axis=0, dtype=np.float64)
    scale = float(np.sqrt(rows.var(axis=0, dtype=np.float64).mean()))
    if scale < _SMALL:  # equal but for differences whose squares vanish
        spread = np.abs(rows - center).max()
        scale = float(np.sqrt(np.square((rows - center) / spread).mean()) * spread)
    return center * unit, float(scale * unit)


def scale_columns(rows: np.ndarray) -> np.ndarray:
    """Returns the standard deviation of each column, and 1 for those that are constant.

    Args:
        rows (numpy.ndarray): Finite points ``[N, D]`` of any magnitude.

    Returns:
        numpy.ndarray: ``[D]`` in float64.
    """
    varies = rows.min(axis=0) < rows.max(axis=0)
    scale = np.ones(rows.shape[1])
    scale[varies] = [center_and_scale(rows[:, [column]])[1] for column in np.flatnonzero(varies)]
    return scale


def differing_units(rows: np.ndarray) -> float | None:
    """Returns by how much the ranges of columns differ, where they are of different units.

    That is so where, of columns that vary at all, the range that nine tenths do not exceed is more
    than ten times that which one tenth does not: pixels at the border of images vary less than
    others, but most are alike.

    Args:
        rows (numpy.ndarray): Finite points ``[N, D]``.
    """
    return _ratio_of_ranges(rows.min(axis=0), rows.max(axis=0))


def _ratio_of_ranges(low: np.ndarray, high: np.ndarray) -> float | None:
    # Of halves, no difference is infinite.
    ranges = high * 0.5 - low * 0.5
    ranges = np.sort(ranges[ranges > 0])
    if len(ranges) < 2:
        return None
    few = len(ranges) // 10
    with np.errstate(over="ignore"):
        ratio = float(np.float64(ranges[len(ranges) - 1 - few]) / ranges[few])
    return ratio if ratio > _LARGEST_RATIO_OF_RANGES else None


def check_distinct(rows: np.ndarray, x: Tensor) -> None:
    """Raises if single precision leaves most points equal that are not.

    Args:
        rows (numpy.ndarray): Points ``[N, D]``.
        x (torch.Tensor): The same points centered and scaled, ``[N, *]``, in float32.

    Raises:
        ValueError: If more than half of the points become one; the message has the farthest.
    """
    middle = np.median(rows, axis=0)
    distance = np.zeros(len(rows))
    for column, value in zip(rows.T, middle, strict=True):
        np.maximum(distance, np.abs(column * 0.5 - value * 0.5), out=distance)
    typical = int(distance.argsort()[len(rows) // 2])
    scaled = x.flatten(1)
    num_equal = int((scaled == scaled[typical]).all(dim=1).sum())
    if 2 * num_equal > len(rows) and num_equal > int((rows == rows[typical]).all(axis=1).sum()):
        far = int(distance.argmax())
        raise ValueError(
            f"{num_equal} of {len(rows)} points cannot be told apart once they are scaled, as row "
            f"{far} lies {2 * distance[far]:.3g} away from them; remove it if it is a fill value "
            "for missing data, or take logarithms"
        )
