"""Does a graph close on itself?"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from nrae_geometric.geodesics.distance_graph import distance_graph
from nrae_geometric.geodesics.homology import most_persistent_cycle
from nrae_geometric.geodesics.paths import landmark_distances

if TYPE_CHECKING:
    from scipy.sparse import csr_array

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


@torch.no_grad()
def find_loop(x: Tensor, edge_index: Tensor) -> Loop | None:
    r"""Finds out whether the graph over the points has a loop longer than its diameter.

    Points on such a loop, as the images of a digit turned until it meets its own start, cannot be
    ordered along a line.

    Some forty landmarks are spread over the graph's largest component. If the most persistent
    loop of the Vietoris-Rips complex of the shortest paths between them is born at scale
    :math:`b` and dies at :math:`d`, it is around :math:`3 d` long. It counts if
    :math:`d \geq 2 b`, which no loop between unevenly spread landmarks does, and
    :math:`3 d \geq D`, where :math:`D` is the diameter. (A graph that is nothing but
    one loop has :math:`3 d = 2 D`.)

    Args:
        x (Tensor): Points ``[N, *shape]``.
        edge_index (Tensor): Graph over the points ``[2, E]``, in any direction.

    Returns:
        Loop, optional: ``None`` if there is none.

    Source: Vietoris-Rips persistence as in :mod:`nrae_geometric.geodesics.homology`; the landmarks
    are MaxMin's of de Silva and Carlsson, "Topological Estimation Using Witness Complexes", 2004.
    """
    return loop_of(distance_graph(x.flatten(1), edge_index))


def loop_of(graph: "csr_array") -> Loop | None:
    """The same for a graph of edge lengths ``[N, N]``."""
    from scipy.sparse.csgraph import connected_components

    _, component = connected_components(graph, directed=False)
    largest = np.flatnonzero(component == np.bincount(component).argmax())
    landmarks, distance = landmark_distances(graph[largest][:, largest], _NUM_LANDMARKS)
    cycle = most_persistent_cycle(distance[:, landmarks])
    diameter = float(distance.max())
    if cycle is None or cycle.death < 2 * cycle.birth or 3 * cycle.death < diameter:
        return None
    return Loop(3 * cycle.death, diameter)
