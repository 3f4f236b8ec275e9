r"""The search among points that need not fit into memory, by one process or by many.

.. code-block:: python

    x = np.load("points.npy", mmap_mode="r")             # [N, D] on the disk
    distance, index = streamed_knn(x, k=10)              # those of knn(x, 10), bit for bit
    rows = shard_rows(len(x))                            # this process's part of the queries
    distance, index = streamed_knn(x, k=10, rows=rows)   # that part of the result
"""

import os
from typing import Any

import torch
from torch import Tensor, distributed

from nrae_geometric.arguments import flag, integer
from nrae_geometric.neighbors.backends import Backend
from nrae_geometric.neighbors.metrics import Metric
from nrae_geometric.neighbors.points import check_k
from nrae_geometric.neighbors.rows import PointRows
from nrae_geometric.neighbors.search import as_backend, as_metric


def streamed_knn(
    x: Any,
    k: int,
    rows: range | None = None,
    *,
    metric: str | Metric = "euclidean",
    backend: str | Backend = "torch",
    out: tuple[Tensor, Tensor] | None = None,
    folder: str | os.PathLike[str] | None = None,
    progress: bool = False,
) -> tuple[Tensor, Tensor]:
    r"""Finds the :obj:`k` nearest neighbors of some of the points, which are read in blocks.

    With the backend :obj:`"torch"` the result is that of
    :func:`~nrae_geometric.neighbors.knn` with this backend, bit for bit, whatever the rows and
    however the points are stored: processes that search a part of the rows each, see
    :func:`shard_rows`, have together what one process has. A process takes memory for some blocks
    of points, of 40 MiB each in float64, and for its part of the result. :class:`FaissBackend` is
    approximate, and meant for ten million points and more.

    Args:
        x (array): Points of any feature shape :math:`[N, *]`: a :class:`numpy.memmap`, a
            :class:`zarr.Array`, or anything with a :obj:`shape`, and rows for a slice or a sorted
            array of row numbers.
        k (int): Number of neighbors.
        rows (range, optional): The points whose neighbors are sought, consecutive. Each leaves
            itself, but not its duplicates, out. (default: all)
        metric (str or Metric, optional): As in :func:`~nrae_geometric.neighbors.knn`.
            (default: :obj:`"euclidean"`)
        backend (str or Backend, optional): :obj:`"torch"`, exact, or another that takes points in
            blocks, :obj:`"faiss"` and :obj:`"cuvs"`. (default: :obj:`"torch"`)
        out (tuple of Tensor, optional): Where distance and index are written, each
            :math:`[M, k]`; tensors over memory maps keep the result out of memory.
        folder (str or os.PathLike, optional): Where :obj:`FaissBackend("ivf")` keeps the points
            in another order while it searches: a little more than they take.
            (default: that of temporary files)
        progress (bool, optional): Whether to show progress bars. (default: :obj:`False`)

    Returns:
        tuple[torch.Tensor, torch.Tensor]: Distance (not squared) and index (int64) of the
        :math:`M` rows, each :math:`[M, k]`, nearest first; :obj:`out` where it is given.

    Raises:
        TypeError: If :obj:`x` has no shape or is not made of real numbers, or :obj:`k` is not an
            integer.
        ValueError: If a row is not finite, or zero where the metric is :obj:`"cosine"`; if
            :obj:`k` or :obj:`rows` is out of range, or the backend needs all points at once.
        ModuleNotFoundError: If the backend's package is not installed.
        OSError: If the file of a memory map becomes shorter, or the folder has too little space.
    """
    points = PointRows(x, as_metric(metric), progress=flag("progress", progress), folder=folder)
    k = check_k(k, len(points), leave_out_self=True)
    rows = _checked_rows(rows, len(points))
    engine = as_backend(backend)
    shape = (len(rows), k)
    if out is None:
        out = torch.empty(shape, dtype=points.dtype), torch.empty(shape, dtype=torch.long)
    for name, values in zip(("distance", "index"), out, strict=True):
        if values.shape != shape:
            raise ValueError(
                f"the {name} of out must have the shape {list(shape)}, got {list(values.shape)}"
            )
    if len(rows) > 0:
        engine.search_rows(points, k, rows, *out)
    return out


def shard_rows(num_points: int, rank: int | None = None, world_size: int | None = None) -> range:
    r"""Returns the rows that one of several processes searches.

    Shards are consecutive, in the order of the ranks, and differ by one row at most.

    Args:
        num_points (int): Number of points.
        rank (int, optional): The number of this process, from zero.
            (default: that of the process group of :mod:`torch.distributed`, or 0 without one)
        world_size (int, optional): Number of processes.
            (default: that of the process group, or 1 without one)

    Raises:
        TypeError: If one is not an integer.
        ValueError: If one is out of range, or only one of rank and world size is given.
    """
    rank, world_size = group_place(rank, world_size)
    num_points = integer("num_points", num_points, 0)
    return range(num_points * rank // world_size, num_points * (rank + 1) // world_size)


def group_place(rank: int | None, world_size: int | None) -> tuple[int, int]:
    r"""Returns rank and world size, by default those of the process group.

    Raises:
        TypeError: If one is not an integer.
        ValueError: If one is out of range, or only one is given.
    """
    if (rank is None) != (world_size is None):
        raise ValueError(f"give both rank and world_size, or none; got {rank} and {world_size}")
    if rank is None or world_size is None:
        if not (distributed.is_available() and distributed.is_initialized()):
            return 0, 1
        return distributed.get_rank(), distributed.get_world_size()
    world_size = integer("world_size", world_size, 1)
    return integer("rank", rank, 0, world_size - 1), world_size


def _checked_rows(rows: range | None, num_points: int) -> range:
    if rows is None:
        return range(num_points)
    if not isinstance(rows, range):
        raise TypeError(f"rows must be a range, got {rows!r}")
    if rows.step != 1 or not 0 <= rows.start <= max(rows.start, rows.stop) <= num_points:
        raise ValueError(f"rows must be consecutive ones of {num_points} points, got {rows}")
    return rows
