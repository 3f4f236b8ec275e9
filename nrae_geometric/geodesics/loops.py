r"""Loops of a graph, by the persistent homology of its shortest paths.

The Vietoris-Rips complex of scale :math:`s` over points with distances has the edges no longer
than :math:`s` and the triangles of three such edges. A loop is born with the edge that closes it,
and dies with the triangle that fills it; points on a circle of length :math:`\ell` have one that
dies at :math:`\ell / 3`, points on a line, a tree or a disc none that lives long.

Source: Edelsbrunner and Harer, "Computational Topology", 2010, chapter VII; Adamaszek and Adams,
"The Vietoris-Rips Complexes of a Circle", Pacific Journal of Mathematics 2017.
"""

from itertools import combinations
from typing import NamedTuple

import numpy as np
import torch
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from nrae_geometric.geodesics.graph import distance_graph, landmark_distances
from nrae_geometric.neighbors.points import as_points

# Enough to see a loop as long as the graph, few enough for a fraction of a second.
_NUM_LANDMARKS = 40


class Loop(NamedTuple):
    """A loop of a graph.

    Attributes:
        length (float): The length of the way round, in the unit of the points; an estimate.
        diameter (float): The longest of the shortest paths between two points.
    """

    length: float
    diameter: float


class Cycle(NamedTuple):
    """A loop of the Vietoris-Rips complex.

    Attributes:
        birth (float): The scale at which it closes.
        death (float): The scale at which it is filled.
    """

    birth: float
    death: float


@torch.no_grad()
def find_loop(x: Tensor, edge_index: Tensor, edge_length: Tensor | None = None) -> Loop | None:
    r"""Finds the loop that makes a graph over points impossible to order along a line.

    Images of a digit turned until it meets its own start lie on such a loop. Some forty landmarks
    are spread over the graph's largest component. If the most persistent loop of the Vietoris-Rips
    complex of the shortest paths between them is born at scale :math:`b` and dies at :math:`d`,
    it is around :math:`3 d` long. It counts if :math:`d \geq 2 b`, which no loop between unevenly
    spread landmarks does, and :math:`3 d \geq D`, where :math:`D` is the diameter. (A graph that
    is nothing but one loop has :math:`3 d = 2 D`.)

    Source: the module's; the landmarks are MaxMin's of de Silva and Carlsson, "Topological
    Estimation Using Witness Complexes", 2004.

    Args:
        x (torch.Tensor): Points ``[N, *shape]``.
        edge_index (torch.Tensor): Graph over the points ``[2, E]``, in any direction.
        edge_length (torch.Tensor, optional): The lengths of the edges ``[E]``.
            (default: Euclidean lengths)

    Returns:
        Loop or None: The loop, if there is one.

    Raises:
        ValueError: If points, edges or lengths are malformed.
    """
    return find_graph_loop(distance_graph(as_points(x), edge_index, edge_length))


def find_graph_loop(graph: csr_array) -> Loop | None:
    """Finds the loop of :func:`find_loop` in a graph of edge lengths ``[N, N]``."""
    _, component = connected_components(graph, directed=False)
    largest = np.flatnonzero(component == np.bincount(component).argmax())
    landmarks, distance = landmark_distances(graph[largest][:, largest], _NUM_LANDMARKS)
    cycle = most_persistent_cycle(distance[:, landmarks])
    diameter = float(distance.max())
    if cycle is None or cycle.death < 2 * cycle.birth or 3 * cycle.death < diameter:
        return None
    return Loop(3 * cycle.death, diameter)


def most_persistent_cycle(distance: np.ndarray) -> Cycle | None:
    r"""Finds the loop of a metric space that outlives the others.

    Cost is cubic in the number of points, and more; it is meant for some fifty.

    Args:
        distance (numpy.ndarray): Symmetric distances ``[M, M]``.

    Returns:
        Cycle or None: The one with the largest ``death - birth``, or :obj:`None` if all are filled
        when they close.
    """
    pairs = list(combinations(range(len(distance)), 2))
    length = np.array([distance[i, j] for i, j in pairs])
    order = length.argsort(kind="stable")
    length = length[order]
    rank = np.zeros((len(distance), len(distance)), dtype=np.int64)
    for position, edge in enumerate(order):
        rank[pairs[edge]] = rank[pairs[edge][::-1]] = position
    # A triangle is the sum of its edges over the integers modulo 2: the set bits of one integer.
    sides = np.array(
        [
            sorted((rank[i, j], rank[i, k], rank[j, k]))
            for i, j, k in combinations(range(len(distance)), 3)
        ]
    ).reshape(-1, 3)
    reduced: dict[int, int] = {}
    longest: Cycle | None = None
    for a, b, c in sides[sides[:, 2].argsort(kind="stable")].tolist():
        chain = 1 << a | 1 << b | 1 << c
        while chain:
            youngest = chain.bit_length() - 1
            if youngest not in reduced:
                reduced[youngest] = chain
                cycle = Cycle(float(length[youngest]), float(length[c]))
                lived = cycle.death - cycle.birth
                if lived > (longest.death - longest.birth if longest else 0.0):
                    longest = cycle
                break
            chain ^= reduced[youngest]
    return longest
