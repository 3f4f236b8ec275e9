"""How good a learned manifold is, with or without a known one to compare it to.

- Against a known manifold: :func:`reconstruction_error`, :func:`manifold_distance`,
  :func:`latent_order`, :func:`geodesic_correlation`.
- Neighborhoods: :func:`trustworthiness`, :func:`continuity`, :func:`neighborhood_recall`,
  :func:`mean_relative_rank_errors`; :func:`embedding_quality` returns all of them.
- Connectivity: :func:`shortcut_edges`, :func:`shortcut_segments`,
  :func:`graph_geodesic_correlation`, :func:`graph_diagnostics`, :func:`smallest_connected_k`.
- Geometry of the decoder: :func:`decoder_distortion`.

All take tensors on any device and none keeps a gradient. Where SciPy does the work, the numbers it
needs are copied to the CPU. Random subsets are drawn from a generator of their own.
"""

from nrae_geometric.metrics.distortion import DecoderDistortion, decoder_distortion
from nrae_geometric.metrics.geodesic import (
    GeodesicCorrelation,
    geodesic_correlation,
    graph_geodesic_correlation,
)
from nrae_geometric.metrics.graph import GraphDiagnostics, graph_diagnostics, smallest_connected_k
from nrae_geometric.metrics.manifold import ManifoldDistance, manifold_distance
from nrae_geometric.metrics.neighborhoods import (
    EmbeddingQuality,
    RankErrors,
    continuity,
    embedding_quality,
    mean_relative_rank_errors,
    neighborhood_recall,
    trustworthiness,
)
from nrae_geometric.metrics.order import LatentOrder, latent_order
from nrae_geometric.metrics.reconstruction import reconstruction_error
from nrae_geometric.metrics.shortcuts import (
    ShortcutEdges,
    ShortcutSegments,
    shortcut_edges,
    shortcut_segments,
)

__all__ = [
    "DecoderDistortion",
    "EmbeddingQuality",
    "GeodesicCorrelation",
    "GraphDiagnostics",
    "LatentOrder",
    "ManifoldDistance",
    "RankErrors",
    "ShortcutEdges",
    "ShortcutSegments",
    "continuity",
    "decoder_distortion",
    "embedding_quality",
    "geodesic_correlation",
    "graph_diagnostics",
    "graph_geodesic_correlation",
    "latent_order",
    "manifold_distance",
    "mean_relative_rank_errors",
    "neighborhood_recall",
    "reconstruction_error",
    "shortcut_edges",
    "shortcut_segments",
    "smallest_connected_k",
    "trustworthiness",
]
