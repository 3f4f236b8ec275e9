r"""The search for nearest neighbors: one function for pairs of points, one for graphs.

.. code-block:: python

    distance, index = knn(x, k=10)       # x: [N, *], both results: [N, 10], nearest first
    edge_index = knn_graph(x, k=10)      # [2, N * 10], neighbor (row 0) -> center (row 1)
"""

from typing import Any

import torch
from torch import Tensor

from nrae_geometric.arguments import choice, flag
from nrae_geometric.neighbors.backends import Backend, ScipyBackend, TorchBackend
from nrae_geometric.neighbors.metrics import Metric
from nrae_geometric.neighbors.points import (
    as_batch,
    as_points,
    as_query,
    check_k,
)
from nrae_geometric.neighbors.ranking import sort_pairs
from nrae_geometric.neighbors.units import search_any_magnitude
from nrae_geometric.registry import BACKENDS, METRICS

# A k-d tree of D dimensions is faster than the blocked search from about 4^D points on; with fewer
# than a thousand either takes milliseconds, and the tree does not break ties by index.
FLOWS = ("source_to_target", "target_to_source")
_TREE_BASE, _MIN_TREE_POINTS = 4, 1000


def available_backends() -> dict[str, str | None]:
    r"""Returns :obj:`None` for each backend, or the reason why this machine does not have it."""
    return {name: BACKENDS[name].unavailable() for name in BACKENDS}


def knn(
    x: Any,
    k: int,
    query: Any = None,
    *,
    metric: str | Metric = "euclidean",
    backend: str | Backend = "auto",
) -> tuple[Tensor, Tensor]:
    r"""Finds the :obj:`k` nearest neighbors, nearest first.

    Args:
        x (torch.Tensor or array): Points of any feature shape :math:`[N, *]` and any real type.
            Half precision, bytes and short integers are compared as float32, float64, Python's
            and wide integers as float64; nothing is carried to another device.
        k (int): Number of neighbors.
        query (torch.Tensor or array, optional): Points :math:`[M, *]` whose neighbors are sought.
            Without them those of the points of :obj:`x` are (:math:`M = N`), each leaving itself,
            but not its duplicates, out.
        metric (str or Metric, optional): The distance of two points: :obj:`"euclidean"`,
            :obj:`"cosine"` (one minus the cosine of the angle), another name that is registered,
            or a metric with settings of its own. (default: :obj:`"euclidean"`)
        backend (str or Backend, optional): A name from :func:`available_backends`, a backend with
            settings of its own, or :obj:`"auto"` for the exact one that is expected to be fastest.
            (default: :obj:`"auto"`)

    Returns:
        tuple[torch.Tensor, torch.Tensor]: Distance (not squared) and index (int64), each
        :math:`[M, k]`; a distance beyond the largest number of its type is infinite.

    Raises:
        TypeError: If :obj:`x` is sparse, complex or no numbers, or :obj:`k` not an integer.
        ValueError: If a row is not finite, or zero where the metric is :obj:`"cosine"`, :obj:`k`
            is out of range, the metric unknown, or the backend unknown or unable.
        ModuleNotFoundError: If the backend's package is not installed.
    """
    metric = as_metric(metric)
    points = as_points(x)
    dtype = points.dtype
    queries = None if query is None else as_query(query, points)
    k = check_k(k, points.size(0), leave_out_self=query is None)
    if queries is not None:
        dtype = torch.promote_types(dtype, queries.dtype)
        queries = _embed(queries.to(dtype), metric, "query")
    points = _embed(points.to(dtype), metric, "x")
    distance, index = search_any_magnitude(_backend(backend, points), points, k, queries)
    return metric.distance(distance).to(dtype), index


def knn_graph(
    x: Any,
    k: int,
    *,
    batch: Any = None,
    metric: str | Metric = "euclidean",
    backend: str | Backend = "auto",
    loop: bool = False,
    flow: str = "source_to_target",
    force_undirected: bool = False,
) -> Tensor:
    r"""Builds the directed graph from each point's :obj:`k` nearest neighbors to the point.

    Args:
        x (torch.Tensor or array): Points :math:`[N, *]`, as in :func:`knn`.
        k (int): Number of incoming edges of every point.
        batch (torch.Tensor or array, optional): The graph that each point belongs to,
            :math:`[N]`; points of different graphs are never joined. (default: :obj:`None`)
        metric (str or Metric, optional): As in :func:`knn`. (default: :obj:`"euclidean"`)
        backend (str or Backend, optional): As in :func:`knn`. (default: :obj:`"auto"`)
        loop (bool, optional): Whether a point is the first of its own :obj:`k` neighbors.
            (default: :obj:`False`)
        flow (str, optional): The direction of the edges: :obj:`"source_to_target"` from the
            neighbor to the center, as everything in this library reads them, or
            :obj:`"target_to_source"`. (default: :obj:`"source_to_target"`)
        force_undirected (bool, optional): Whether each edge is there in both directions.
            (default: :obj:`False`)

    Returns:
        torch.Tensor: :obj:`edge_index` :math:`[2, N k]`, row 0 the neighbor and row 1 the center,
        grouped by center, nearest first; more edges if they are forced to be undirected.

    Raises:
        TypeError: As in :func:`knn`, and if :obj:`batch` does not hold integers.
        ValueError: As in :func:`knn`, and if a graph has too few points.
        ModuleNotFoundError: As in :func:`knn`.
    """
    return knn_edges(
        x,
        k,
        batch=batch,
        metric=metric,
        backend=backend,
        loop=loop,
        flow=flow,
        force_undirected=force_undirected,
    )[0]


def knn_edges(
    x: Any,
    k: int,
    *,
    batch: Any = None,
    metric: str | Metric = "euclidean",
    backend: str | Backend = "auto",
    loop: bool = False,
    flow: str = "source_to_target",
    force_undirected: bool = False,
) -> tuple[Tensor, Tensor]:
    r"""Builds the graph of :func:`knn_graph` and measures its edges, in one search.

    Args:
        x (torch.Tensor or array): As in :func:`knn_graph`.
        k (int): As in :func:`knn_graph`.
        batch (torch.Tensor or array, optional): As in :func:`knn_graph`. (default: :obj:`None`)
        metric (str or Metric, optional): As in :func:`knn`. (default: :obj:`"euclidean"`)
        backend (str or Backend, optional): As in :func:`knn`. (default: :obj:`"auto"`)
        loop (bool, optional): As in :func:`knn_graph`. (default: :obj:`False`)
        flow (str, optional): As in :func:`knn_graph`. (default: :obj:`"source_to_target"`)
        force_undirected (bool, optional): As in :func:`knn_graph`. (default: :obj:`False`)

    Returns:
        tuple[torch.Tensor, torch.Tensor]: :obj:`edge_index` :math:`[2, E]`, and the distance of
        the two points of each edge :math:`[E]`, float32 or float64.

    Raises:
        TypeError: As in :func:`knn_graph`.
        ValueError: As in :func:`knn_graph`.
        ModuleNotFoundError: As in :func:`knn_graph`.
    """
    metric = as_metric(metric)
    choice("flow", flow, FLOWS)
    loop = flag("loop", loop)
    force_undirected = flag("force_undirected", force_undirected)
    points = as_points(x)
    dtype, num_points = points.dtype, points.size(0)
    if batch is None:
        k = check_k(k, num_points, leave_out_self=not loop)
        distance, index = _neighborhoods(_embed(points, metric, "x"), k, backend, loop)
    else:
        batch = as_batch(batch, points)
        graphs, sizes = (values.tolist() for values in batch.unique(return_counts=True))
        for graph, size in zip(graphs, sizes, strict=True):
            k = check_k(k, size, leave_out_self=not loop, graph=graph)
        points = _embed(points, metric, "x")
        distance = points.new_empty(num_points, k)
        index = batch.new_empty(num_points, k)
        for rows in batch.argsort(stable=True).split(sizes):
            distance[rows], neighbor = _neighborhoods(points[rows], k, backend, loop)
            index[rows] = rows[neighbor]
    center = torch.arange(num_points, device=points.device).repeat_interleave(k)
    edge_length = metric.distance(distance.view(-1)).to(dtype)
    neighbor = index.view(-1)
    if force_undirected:
        neighbor, center, edge_length = _undirected(neighbor, center, edge_length, num_points)
    if flow == "target_to_source":
        neighbor, center = center, neighbor
    return torch.stack([neighbor, center]), edge_length


def _undirected(
    neighbor: Tensor, center: Tensor, length: Tensor, num_points: int
) -> tuple[Tensor, Tensor, Tensor]:
    r"""Adds the edges that are missing in the other direction; loops stay first."""
    key = torch.cat([center * num_points + neighbor, neighbor * num_points + center])
    key, place = key.sort(stable=True)
    first = torch.ones_like(key, dtype=torch.bool)
    first[1:] = key[1:] != key[:-1]
    key, length = key[first], torch.cat([length, length])[place[first]]
    neighbor, center = key % num_points, key // num_points
    order = sort_pairs(center, length.masked_fill(neighbor == center, -1), neighbor)
    return neighbor[order], center[order], length[order]


def _neighborhoods(x: Tensor, k: int, backend: str | Backend, loop: bool) -> tuple[Tensor, Tensor]:
    r"""Euclidean distance and index, each :math:`[N, k]`, of the edges of one graph."""
    engine = _backend(backend, x)
    if not loop:
        return search_any_magnitude(engine, x, k, None)
    index = torch.arange(x.size(0), device=x.device).unsqueeze(1)
    distance = x.new_zeros(index.shape)
    if k > 1:
        near, neighbor = search_any_magnitude(engine, x, k - 1, None)
        distance, index = torch.cat([distance, near], dim=1), torch.cat([index, neighbor], dim=1)
    return distance, index


def _embed(x: Tensor, metric: Metric, name: str) -> Tensor:
    r"""The points that a backend searches; those of another author's metric are checked again."""
    points = metric.embed(x, name)
    return x if points is x else as_points(points, name)


def as_metric(metric: str | Metric) -> Metric:
    r"""Returns the metric of a name.

    Raises:
        ValueError: If there is none; the message lists those that there are.
    """
    if isinstance(metric, Metric):
        return metric
    return METRICS[metric]()


def check_backend(backend: str | Backend) -> None:
    r"""Refuses a name that is not one of a backend.

    Raises:
        ValueError: If it is not; the message lists those that there are.
    """
    if not isinstance(backend, Backend):
        choice("backend", backend, ("auto", *BACKENDS))


def _backend(backend: str | Backend, x: Tensor) -> Backend:
    return _fastest(x) if isinstance(backend, str) and backend == "auto" else as_backend(backend)


def as_backend(backend: str | Backend) -> Backend:
    r"""Returns the backend of a name, :obj:`"torch"` where it is :obj:`"auto"`.

    Raises:
        ModuleNotFoundError: If its package is not installed.
        ValueError: If there is none; the message lists those that there are.
    """
    if isinstance(backend, Backend):
        return backend
    check_backend(backend)
    if backend == "auto":
        return TorchBackend()
    check_available(backend)
    return BACKENDS[backend]()


def check_available(backend: str) -> None:
    r"""Refuses the name of a backend that this machine does not have.

    Raises:
        ModuleNotFoundError: If it is not available; the message says why.
    """
    reason = BACKENDS[backend].unavailable()
    if reason is not None:
        raise ModuleNotFoundError(f"backend {backend!r} is not available: {reason}")


def _fastest(x: Tensor) -> Backend:
    r"""The exact backend that is expected to be fastest for the points :math:`[N, D]`."""
    num_points, dim = x.shape
    fits_tree = num_points >= max(_MIN_TREE_POINTS, _TREE_BASE**dim)
    return ScipyBackend() if fits_tree and x.device.type == "cpu" else TorchBackend()
