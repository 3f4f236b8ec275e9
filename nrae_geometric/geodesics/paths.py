"""Shortest paths from a few well-spread points."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array


def farthest_pair(graph: "csr_array") -> tuple[int, int]:
    """Returns two nodes of a connected graph far apart from each other.

    These are the farthest node from node 0, and the farthest from that one. In a tree no two
    nodes are farther apart (Bulterman et al., "On Computing a Longest Path in a Tree", 2002).
    """
    from scipy.sparse.csgraph import dijkstra

    first = int(dijkstra(graph, indices=0).argmax())
    return first, int(dijkstra(graph, indices=first).argmax())


def landmark_distances(graph: "csr_array", num_landmarks: int) -> tuple[np.ndarray, np.ndarray]:
    """Chooses landmarks and returns the shortest paths from them to all nodes.

    The first landmark is an end of the graph, each further one the node farthest from all before
    (MaxMin: de Silva and Tenenbaum, "Sparse Multidimensional Scaling using Landmark Points",
    2004). All nodes are landmarks if there are no more than asked for.

    Args:
        graph: Symmetric edge lengths ``[N, N]`` of a connected graph.
        num_landmarks: The largest number of landmarks ``L``.

    Returns:
        The landmarks ``[L]``, and the distances ``[L, N]``.
    """
    from scipy.sparse.csgraph import dijkstra

    num_nodes = graph.shape[0]
    if num_nodes <= num_landmarks:
        return np.arange(num_nodes), dijkstra(graph)
    landmark = farthest_pair(graph)[0]
    landmarks = np.empty(num_landmarks, np.int64)
    distance = np.empty((num_landmarks, num_nodes))
    nearest = np.full(num_nodes, np.inf)
    for row in range(num_landmarks):
        landmarks[row] = landmark
        distance[row] = dijkstra(graph, indices=landmark)
        np.minimum(nearest, distance[row], out=nearest)
        landmark = int(nearest.argmax())
    return landmarks, distance
