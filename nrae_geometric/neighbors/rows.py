r"""Points that may be larger than the memory, read some rows at a time."""

import math
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from nrae_geometric.neighbors.metrics import Metric
from nrae_geometric.neighbors.points import as_points
from nrae_geometric.tables import readable

# What the exact search is fastest with: 40 MiB in float64, in which it compares points.
_MOST_BLOCK_ROWS, _BLOCK_VALUES = 50_000, 5_200_000


class PointRows:
    r"""Points of which some rows at a time are in memory, as a search by a metric sees them.

    Args:
        values (array): Points of any feature shape :math:`[N, *]`: whatever has a :obj:`shape`, and
            rows for a slice or a sorted array of row numbers, such as a :class:`numpy.memmap`, a
            :class:`zarr.Array`, an array or a tensor.
        metric (Metric): The metric whose Euclidean points :meth:`read` returns.
        name (str, optional): The name of the points in error messages. (default: :obj:`"x"`)
        progress (bool, optional): Whether :meth:`bar` shows anything. (default: :obj:`False`)
        folder (str or os.PathLike, optional): Where a search may keep files meanwhile.
            (default: that of temporary files)

    Attributes:
        shape (tuple of int): The number of points, and of values of each, :math:`(N, D)`.
        dtype (torch.dtype): The type of distances, float32 or float64.

    Raises:
        TypeError: If there is no shape.
        ValueError: If there are no points.
    """

    def __init__(
        self,
        values: Any,
        metric: Metric,
        name: str = "x",
        progress: bool = False,
        folder: str | os.PathLike[str] | None = None,
    ) -> None:
        try:
            shape = tuple(int(size) for size in values.shape)
        except (AttributeError, TypeError):
            raise TypeError(
                f"{name} is a {type(values).__name__}; pass an array [num_points, *features], a "
                "numpy.memmap or what else has a shape and rows for a slice"
            ) from None
        if len(shape) == 0 or 0 in shape:
            raise ValueError(
                f"{name} must have the shape [num_points, *features] with at least one of each, "
                f"got {list(shape)}"
            )
        self.values, self.metric, self.name, self.progress = values, metric, name, progress
        self.folder = Path(tempfile.gettempdir() if folder is None else folder)
        self.shape = shape[0], math.prod(shape[1:])
        first = as_points(_as_dense(readable(values)[:1]), name)
        self.dtype = first.dtype
        embedded = metric.embed(first, name)
        self._search_dtype, dim = embedded.dtype, embedded.size(1)
        self.block_rows = min(max(1, _BLOCK_VALUES // dim), _MOST_BLOCK_ROWS)

    def __len__(self) -> int:
        return self.shape[0]

    def read(self, rows: slice | np.ndarray) -> Tensor:
        r"""Returns rows as finite points :math:`[B, D']`, mapped by the metric.

        Args:
            rows (slice or numpy.ndarray): Consecutive rows, or sorted row numbers.

        Raises:
            OSError: If the file of a memory map has become shorter.
            ValueError: As :func:`~nrae_geometric.neighbors.knn`, or as the metric.
        """
        where = f"[{rows.start}:{rows.stop}]" if isinstance(rows, slice) else "[rows]"
        points = as_points(_as_dense(readable(self.values)[rows]), f"{self.name}{where}")
        return self.metric.embed(points, f"{self.name}{where}")

    def blocks(self, rows: range | None = None, title: str = "") -> Iterator[slice]:
        r"""Yields slices of consecutive rows, all by default, of which one fits the memory.

        Args:
            rows (range, optional): The rows. (default: all)
            title (str, optional): That of a progress bar. (default: none is shown)
        """
        rows = range(len(self)) if rows is None else rows
        with self.bar(title, len(rows)) as bar:
            for start in range(rows.start, rows.stop, self.block_rows):
                stop = min(start + self.block_rows, rows.stop)
                yield slice(start, stop)
                bar.update(stop - start)

    def bar(self, title: str, total: int) -> "tqdm[Any]":
        r"""Returns a progress bar over points, which shows nothing unless that was asked for."""
        is_shown = self.progress and title
        return tqdm(desc=title, total=total, unit=" points", unit_scale=True, disable=not is_shown)

    def distance(self, euclidean: Tensor) -> Tensor:
        r"""Returns distances by the metric, from those of mapped points in float64."""
        return self.metric.distance(euclidean.to(self._search_dtype)).to(self.dtype)


def _as_dense(values: Any) -> Any:
    return values if isinstance(values, torch.Tensor) else np.asarray(values)
