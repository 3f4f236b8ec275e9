"""The unit in which a model sees points."""

import math

import numpy as np
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
    if scale != "auto":
        return center, scale_columns(rows) if scale == "columns" else number, None
    ratio = None if one_unit else differing_units(rows)
    if ratio is None:
        return center, number, f"all values are divided by one number, {number:.3g}"
    reason = f"each column is divided by its standard deviation: ranges differ by {ratio:.3g}"
    return center, scale_columns(rows), reason


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
    if (low == high).all():
        raise ValueError(
            f"all {len(rows)} points are equal, so that there is no manifold to learn; check how "
            "they were read or computed"
        )
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
    # Of halves, no difference is infinite.
    ranges = rows.max(axis=0) * 0.5 - rows.min(axis=0) * 0.5
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
