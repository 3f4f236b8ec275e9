r"""Coordinates of points from a graph over them, without training.

:func:`geodesic_coordinates` unrolls a neighborhood graph: points are placed so that their
distances match the shortest paths between them. :func:`find_loop` tells whether the graph closes
on itself, so that no line can carry it. Both take and return tensors and know no model; shortest
paths and eigenvectors are SciPy's, on the CPU in float64.
"""

from nrae_geometric.geodesics.isomap import GeodesicCoordinates, geodesic_coordinates
from nrae_geometric.geodesics.loops import Loop, find_loop

__all__ = ["GeodesicCoordinates", "Loop", "find_loop", "geodesic_coordinates"]
