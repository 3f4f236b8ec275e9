"""The connectivity of a neighborhood graph, and the number of neighbors that it takes."""

from bisect import bisect_left
from typing import Any, NamedTuple

import torch
from scipy.sparse.csgraph import connected_components
from torch import Tensor
from torch_geometric.utils import to_scipy_sparse_matrix

from nrae_geometric.geodesics.graph import undirected_edges
from nrae_geometric.metrics._common import Array, as_edges, as_points, check_positive
from nrae_geometric.metrics.suite import Evaluation, register_measure
from nrae_geometric.neighbors import Metric, knn


class GraphDiagnostics(NamedTuple):
    """Connectivity of a graph, read as undirected and without self-loops.

    Attributes:
        num_components (int): Number of connected components, from 1 to N.
        component (torch.Tensor): ``[N]``, the number of each point's component, from 0.
        degree (torch.Tensor): ``[N]``, the number of each point's neighbors.
    """

    num_components: int
    component: Tensor
    degree: Tensor


@torch.no_grad()
def graph_diagnostics(edge_index: Array, num_nodes: int) -> GraphDiagnostics:
    r"""Returns the connected components and degrees of the symmetrized graph.

    A neighborhood reconstructing autoencoder learns nothing about how the components lie to each
    other. A degree far above the others' marks a hub, which neighborhoods of high-dimensional
    points tend to have (`Radovanović, Nanopoulos and Ivanović, "Hubs in Space", JMLR 2010
    <https://jmlr.org/papers/v11/radovanovic10a.html>`_).

    Args:
        edge_index (torch.Tensor or ndarray): Graph ``[2, E]``; direction, self-loops and
            repetitions do not matter.
        num_nodes (int): Number of points.

    Returns:
        GraphDiagnostics: Tensors are on the graph's device.

    Raises:
        ValueError: If ``edge_index`` is not ``[2, E]`` or names a node outside the graph.
    """
    num_nodes = check_positive(num_nodes, "num_nodes")
    edges, _ = undirected_edges(as_edges(edge_index)[0], num_nodes)
    num_components, component = _components(edges, num_nodes)
    return GraphDiagnostics(
        num_components=num_components,
        component=component.to(edges.device),
        degree=edges.flatten().bincount(minlength=num_nodes),
    )


@torch.no_grad()
def smallest_connected_k(
    x: Array, max_k: int = 64, *, metric: str | Metric = "euclidean"
) -> int | None:
    r"""Returns the smallest k for which the symmetrized k-nearest-neighbor graph is connected.

    A starting point for the number of neighbors: below it the manifold falls apart, far above it
    the graph takes shortcuts (`Balasubramanian and Schwartz, "The Isomap Algorithm and Topological
    Stability", Science 2002 <https://doi.org/10.1126/science.295.5552.7a>`_). One outlier can
    raise it, and points sampled from separate manifolds should not be connected at all.

    Args:
        x (torch.Tensor or ndarray): Points ``[N, *shape]``, at least two.
        max_k (int, optional): Largest k to consider. (default: :obj:`64`)
        metric (str or Metric, optional): The distance of two points, as in
            :func:`~nrae_geometric.neighbors.knn`. (default: :obj:`"euclidean"`)

    Returns:
        int or None: From 1 to ``max_k``, or :obj:`None` if no such k connects the graph.

    Raises:
        ValueError: If there are fewer than two points.
    """
    max_k = check_positive(max_k, "max_k")
    points = as_points(x, "x")
    if len(points) < 2:
        raise ValueError("x has 1 row; a graph needs at least two points")
    max_k = min(max_k, len(points) - 1)
    _, neighbor = knn(points, max_k, metric=metric)
    center = torch.arange(len(points), device=neighbor.device)

    def is_connected(k: int) -> bool:
        edge_index = torch.stack([neighbor[:, :k].flatten(), center.repeat_interleave(k)])
        return _components(edge_index, len(points))[0] == 1

    # Neighbors are nested in k, so that a connected graph stays connected.
    k = 1 + bisect_left(range(1, max_k + 1), True, key=is_connected)
    return k if k <= max_k else None


def _components(edge_index: Tensor, num_nodes: int) -> tuple[int, Tensor]:
    adjacency = to_scipy_sparse_matrix(edge_index, num_nodes=num_nodes)
    num_components, component = connected_components(adjacency, directed=False)
    return int(num_components), torch.from_numpy(component).long()


@register_measure("graph_diagnostics", supervised=False, needs=["edges"])
def measure_graph(evaluation: Evaluation) -> dict[str, Any]:
    """Number of connected components and degrees of the points' graph."""
    graph = graph_diagnostics(evaluation.points.edge_index, len(evaluation.z))
    return {
        "num_components": graph.num_components,
        "smallest_degree": int(graph.degree.min()),
        "median_degree": int(graph.degree.median()),
        "largest_degree": int(graph.degree.max()),
    }
