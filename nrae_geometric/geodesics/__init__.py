r"""Coordinates of points from a graph over them, without training.

:func:`geodesic_coordinates` unrolls a neighborhood graph: points are placed so that their
distances match the shortest paths between them. :func:`find_loop` tells whether the graph closes
on itself, so that no line can carry it; :func:`suggest_neighbors` how many neighbors the graph
should have. All take tensors and know no model.

Their steps are functions of a :func:`distance_graph`, a symmetric :class:`scipy.sparse.csr_array`
of edge lengths: :func:`remove_shortcuts`, :func:`connect_components`, :func:`find_graph_loop`,
:func:`landmark_distances` and :func:`landmark_mds`. Shortest paths and eigenvectors are SciPy's,
on the CPU in float64.
"""

from nrae_geometric.geodesics.components import connect_components, warn_of_clusters
from nrae_geometric.geodesics.graph import (
    distance_graph,
    landmark_distances,
    shortest_path,
    shortest_paths,
)
from nrae_geometric.geodesics.isomap import GeodesicCoordinates, geodesic_coordinates, landmark_mds
from nrae_geometric.geodesics.loops import (
    Cycle,
    Loop,
    find_graph_loop,
    find_loop,
    most_persistent_cycle,
)
from nrae_geometric.geodesics.shortcuts import remove_shortcuts
from nrae_geometric.geodesics.suggest import (
    SuggestedNeighbors,
    choose_neighbors,
    suggest_neighbors,
)

__all__ = [
    "Cycle",
    "GeodesicCoordinates",
    "Loop",
    "SuggestedNeighbors",
    "choose_neighbors",
    "connect_components",
    "distance_graph",
    "find_graph_loop",
    "find_loop",
    "geodesic_coordinates",
    "landmark_distances",
    "landmark_mds",
    "most_persistent_cycle",
    "remove_shortcuts",
    "shortest_path",
    "shortest_paths",
    "suggest_neighbors",
    "warn_of_clusters",
]
