r"""The quality of a learned manifold, with or without a known one to compare it to.

- Against a known manifold: :func:`reconstruction_error`, :func:`manifold_distance`,
  :func:`latent_order`, :func:`geodesic_correlation`.
- Neighborhoods: :func:`trustworthiness`, :func:`continuity`, :func:`neighborhood_recall`,
  :func:`mean_relative_rank_errors`; :func:`embedding_quality` returns all of them.
- Connectivity: :func:`shortcut_edges`, :func:`shortcut_segments`,
  :func:`graph_geodesic_correlation`, :func:`graph_diagnostics`, :func:`smallest_connected_k`;
  :func:`intrinsic_dimension`.
- Geometry of the decoder: :func:`decoder_distortion`.
- All of them for a trained model, by name: :func:`evaluate_measures`,
  :func:`evaluate_supervised`, :func:`evaluate_unsupervised`; :func:`register_measure` adds one.

All take tensors on any device or NumPy arrays, and none keeps a gradient. Where SciPy does the
work, the numbers it needs are copied to the CPU. Random subsets are drawn from a generator of
their own. A metric that does not depend on the unit of the points, as those of neighborhoods, is
the same in any unit.
"""

from nrae_geometric.metrics._common import NotApplicableError
from nrae_geometric.metrics.dimension import dimension_of_neighbors, intrinsic_dimension
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
from nrae_geometric.metrics.order import RIGHT_ORDER, LatentOrder, latent_order
from nrae_geometric.metrics.reconstruction import reconstruction_error
from nrae_geometric.metrics.shortcuts import (
    ShortcutEdges,
    ShortcutSegments,
    shortcut_edges,
    shortcut_segments,
)
from nrae_geometric.metrics.suite import (
    Evaluation,
    Measure,
    evaluate_measures,
    evaluate_supervised,
    evaluate_unsupervised,
    register_measure,
)

__all__ = [
    "RIGHT_ORDER",
    "DecoderDistortion",
    "EmbeddingQuality",
    "Evaluation",
    "GeodesicCorrelation",
    "GraphDiagnostics",
    "LatentOrder",
    "ManifoldDistance",
    "Measure",
    "NotApplicableError",
    "RankErrors",
    "ShortcutEdges",
    "ShortcutSegments",
    "continuity",
    "decoder_distortion",
    "dimension_of_neighbors",
    "embedding_quality",
    "evaluate_measures",
    "evaluate_supervised",
    "evaluate_unsupervised",
    "geodesic_correlation",
    "graph_diagnostics",
    "graph_geodesic_correlation",
    "intrinsic_dimension",
    "latent_order",
    "manifold_distance",
    "mean_relative_rank_errors",
    "neighborhood_recall",
    "reconstruction_error",
    "register_measure",
    "shortcut_edges",
    "shortcut_segments",
    "smallest_connected_k",
    "trustworthiness",
]
