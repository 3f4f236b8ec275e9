r"""The front door to k-nearest-neighbor search.

.. code-block:: python

    distance, index = knn(x, k=10)       # x: [N, *], both results: [N, 10], nearest first
    edge_index = knn_graph(x, k=10)      # [2, N * 10], neighbor (row 0) -> center (row 1)
"""

from typing import Any

import torch
from torch import Tensor

from nrae_geometric.neighbors.auto import fastest_engine
from nrae_geometric.neighbors.backends import ENGINES, Backend
from nrae_geometric.neighbors.points import as_points, as_query, check_k


def available_backends() -> dict[str, str | None]:
    r"""For each backend :obj:`None`, or the reason why this machine does not have it."""
    return {name: engine.unavailable() for name, engine in ENGINES.items()}


def knn(
    x: Any,
    k: int,
    query: Any = None,
    *,
    backend: str | Backend = "auto",
) -> tuple[Tensor, Tensor]:
    r"""Finds the `k` nearest neighbors, nearest first, by Euclidean distance.

    Args:
        x (Tensor): Points of any feature shape :math:`[N, *]` and any real type. Half precision,
            bytes and short integers are compared as float32, float64 and wide integers as
            float64; nothing is carried to another device.
        k (int): Number of neighbors.
        query (Tensor, optional): Points :math:`[M, *]` that ask. Without them the points of `x`
            ask (:math:`M = N`), each leaving itself, but not its duplicates, out.
        backend (str or Backend): A name from :func:`available_backends`, an engine with settings
            of its own, or :obj:`"auto"` for the fastest exact one. (default: :obj:`"auto"`)

    Returns:
        tuple[Tensor, Tensor]: Distance (not squared) and index (int64), each :math:`[M, k]`.

    Raises:
        TypeError: If `x` is not a dense real tensor, or `k` not an integer.
        ValueError: If a row is not finite, `k` is out of range, the backend unknown or unable.
        ModuleNotFoundError: If the backend's package is not installed.
    """
    points = as_points(x)
    asking = None if query is None else as_query(query, points)
    k = check_k(k, points.size(0), leave_out_self=query is None)
    engine = _engine(backend, points)
    if asking is not None and asking.dtype != points.dtype:
        points, asking = points.double(), asking.double()
    return engine.search(points, k, asking)


def knn_graph(x: Any, k: int, *, backend: str | Backend = "auto", loop: bool = False) -> Tensor:
    r"""Builds the directed graph from each point's `k` nearest neighbors to the point.

    Args:
        x (Tensor): Points :math:`[N, *]`, as in :func:`knn`.
        k (int): Number of incoming edges of every point.
        backend (str or Backend): As in :func:`knn`. (default: :obj:`"auto"`)
        loop (bool): Whether a point is the first of its own `k` neighbors.
            (default: :obj:`False`)

    Returns:
        Tensor: `edge_index` :math:`[2, N k]`, row 0 the neighbor and row 1 the center, grouped
        by center, nearest first.

    Raises:
        TypeError: As in :func:`knn`.
        ValueError: As in :func:`knn`.
        ModuleNotFoundError: As in :func:`knn`.
    """
    points = as_points(x)
    num_points = points.size(0)
    k = check_k(k, num_points, leave_out_self=not loop)
    center = torch.arange(num_points, device=points.device).unsqueeze(1)
    columns = [center] if loop else []
    if k > len(columns):
        columns.append(_engine(backend, points).search(points, k - len(columns), None)[1])
    return torch.stack([torch.cat(columns, dim=1).view(-1), center.repeat(1, k).view(-1)])


def _engine(backend: str | Backend, x: Tensor) -> Backend:
    if isinstance(backend, Backend):
        return backend
    if backend == "auto":
        return fastest_engine(x)
    if backend not in ENGINES:
        names = ", ".join(repr(name) for name in ["auto", *ENGINES])
        raise ValueError(f"unknown backend {backend!r}; choose one of {names}")
    reason = ENGINES[backend].unavailable()
    if reason is not None:
        raise ModuleNotFoundError(f"backend {backend!r} is not available: {reason}")
    return ENGINES[backend]()
