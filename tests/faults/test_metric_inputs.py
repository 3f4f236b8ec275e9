"""Metrics are right at any scale, bounded in memory, and refuse by name what is wrong."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from torch import nn

from nrae_geometric import metrics

GENERATOR = torch.Generator().manual_seed(0)
X = torch.randn(60, 3, generator=GENERATOR, dtype=torch.float64)
Z = X[:, :2] + 0.1 * torch.randn(60, 2, generator=GENERATOR, dtype=torch.float64)
EDGES = torch.stack([torch.arange(59), torch.arange(1, 60)])
DECODER = nn.Linear(2, 3).double()


def _ranks(points, rows):
    """Neighbor ranks by pairs of floats of extended range, with ties to the lower index."""
    wide = points.numpy().astype(np.longdouble)
    distance = np.sqrt(np.square(wide[rows, None] - wide).sum(axis=2))
    # Rounded as float64, whose exponents are too few for all of them.
    mantissa, exponent = np.frexp(distance)
    distance = np.ldexp(mantissa.astype(np.float64).astype(np.longdouble), exponent)
    distance[np.arange(len(rows)), rows] = np.inf
    order = distance.argsort(axis=1, kind="stable")
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.arange(1, len(points) + 1)[None], axis=1)
    return order, ranks


def _trustworthiness(x, z, k):
    rows = np.arange(len(x))
    nearest, _ = _ranks(z, rows)
    _, ranks = _ranks(x, rows)
    excess = np.maximum(np.take_along_axis(ranks, nearest[:, :k], axis=1) - k, 0).sum()
    return 1 - 2 * excess / (len(x) * k * (2 * len(x) - 3 * k - 1))


def _wide(kind, dim):
    x = torch.randn(60, dim, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    if kind == "far first row":
        x[0] = 1e30
    elif kind == "far row":
        x[17] = 1e200
    elif kind == "lognormal":
        # Along one axis, no distance is rounded more than once.
        x[:, 0], x[:, 1:] = (100 * x[:, 0]).exp(), 0
    elif kind == "row scales":
        x[:, 0] *= 10 ** torch.linspace(-320, 300, 60, dtype=torch.float64)
        x[:, 1:] = 0
    elif kind == "smallest":
        x = (1000 * x).round() * 5e-324
    elif kind == "largest":
        x = x / x.abs().max() * 1.7e308
    elif kind == "offset":
        x = x + 1e9
    elif kind == "tight clusters":
        x = x[:4].repeat(15, 1) + 1e-9 * x
    elif kind == "duplicates":
        x = x[:40].repeat(2, 1)[:60]
    return x


@pytest.mark.skipif(np.finfo(np.longdouble).maxexp < 16000, reason="no floats of extended range")
@pytest.mark.parametrize("dim", [3, 40])
@pytest.mark.parametrize(
    "kind",
    [
        "far first row",
        "far row",
        "lognormal",
        "row scales",
        "smallest",
        "largest",
        "offset",
        "tight clusters",
        "duplicates",
    ],
)
def test_neighborhoods_are_judged_right_at_any_scale(kind, dim):
    x = _wide(kind, dim)

    assert metrics.trustworthiness(x, Z) == pytest.approx(_trustworthiness(x, Z, 5))
    assert metrics.continuity(Z, x) == pytest.approx(_trustworthiness(x, Z, 5))


@pytest.mark.parametrize("kind", ["far row", "lognormal", "row scales", "largest"])
def test_orders_and_correlations_are_right_at_any_scale(kind):
    x = _wide(kind, 1)
    y = torch.arange(60)

    expected = abs(spearmanr(x[:, 0].numpy(), y.numpy()).statistic)
    assert metrics.latent_order(x, y).spearman == pytest.approx(expected)
    scaled = _wide("largest", 3)
    assert metrics.geodesic_correlation(scaled, scaled).pearson == pytest.approx(1)
    assert metrics.graph_geodesic_correlation(Z, scaled / 1e3, EDGES).num_pairs > 0


CALLS = {
    "trustworthiness": lambda **a: metrics.trustworthiness(X, Z, **a),
    "continuity": lambda **a: metrics.continuity(X, Z, **a),
    "neighborhood_recall": lambda **a: metrics.neighborhood_recall(X, Z, **a),
    "mean_relative_rank_errors": lambda **a: metrics.mean_relative_rank_errors(X, Z, **a),
    "embedding_quality": lambda **a: metrics.embedding_quality(X, Z, **a),
    "geodesic_correlation": lambda **a: metrics.geodesic_correlation(Z, X, **a),
    "graph_geodesic_correlation": lambda **a: metrics.graph_geodesic_correlation(Z, X, EDGES, **a),
    "shortcut_segments": lambda **a: metrics.shortcut_segments(DECODER, Z, X, EDGES, **a),
    "shortcut_edges": lambda **a: metrics.shortcut_edges(Z, EDGES, X, **a),
    "manifold_distance": lambda **a: metrics.manifold_distance(DECODER, Z, X, **a),
    "graph_diagnostics": lambda **a: metrics.graph_diagnostics(EDGES, **a),
    "smallest_connected_k": lambda **a: metrics.smallest_connected_k(X, **a),
    "reconstruction_error": lambda **a: metrics.reconstruction_error(X, X, **a),
}
COUNTS = [
    *((name, "k") for name in list(CALLS)[:5]),
    *((name, "num_samples") for name in list(CALLS)[:7]),
    *((name, "seed") for name in list(CALLS)[:8]),
    ("shortcut_segments", "num_segments"),
    ("manifold_distance", "num_samples"),
    ("graph_diagnostics", "num_nodes"),
    ("smallest_connected_k", "max_k"),
]


@pytest.mark.parametrize(("name", "argument"), COUNTS)
@pytest.mark.parametrize("value", [2.5, "5", True, 4.0])
def test_numbers_that_are_no_integers_are_refused_by_name(name, argument, value):
    with pytest.raises(TypeError, match=f"{argument} must be an integer"):
        CALLS[name](**{argument: value})


@pytest.mark.parametrize(("name", "argument"), COUNTS)
def test_integers_of_numpy_are_taken(name, argument):
    CALLS[name](**{argument: np.int64(60 if argument == "num_nodes" else 5)})


@pytest.mark.parametrize(
    ("name", "argument", "value"),
    [
        *((name, "k", value) for name in list(CALLS)[:5] for value in (0, -1, 30)),
        ("smallest_connected_k", "metric", "manhattan"),
        ("smallest_connected_k", "max_k", 0),
        ("reconstruction_error", "reduction", "sum"),
        ("reconstruction_error", "reduction", None),
        ("shortcut_edges", "factor", 0),
        ("shortcut_edges", "factor", float("nan")),
        ("shortcut_edges", "edge_length", torch.ones(3)),
        ("shortcut_edges", "edge_length", -torch.ones(59)),
        ("graph_diagnostics", "num_nodes", 3),
    ],
)
def test_values_out_of_range_are_refused_by_name(name, argument, value):
    word = "edge_index" if argument == "num_nodes" else rf"\b{argument}\b"
    with pytest.raises(ValueError, match=word):
        CALLS[name](**{argument: value})


@pytest.mark.parametrize("edges", [EDGES.float(), EDGES[0], EDGES > 3, EDGES - 5, EDGES.T])
def test_malformed_graphs_are_refused_by_name(edges):
    for call in (
        lambda: metrics.graph_diagnostics(edges, 60),
        lambda: metrics.shortcut_edges(Z, edges),
        lambda: metrics.graph_geodesic_correlation(Z, X, edges),
        lambda: metrics.shortcut_segments(DECODER, Z, X, edges),
    ):
        with pytest.raises(ValueError, match="edge_index"):
            call()


@pytest.mark.parametrize("points", [[["a"]], np.array(["2020"] * 60, "datetime64"), {"a": 1}])
def test_what_is_no_array_of_numbers_is_refused_by_name(points):
    with pytest.raises(TypeError, match="x is not an array of numbers"):
        metrics.trustworthiness(points, Z)


MEMORY = """
import resource, torch
from nrae_geometric import metrics
x = torch.randn(200_000, {dim}); z = x[:, :2].clone(); y = x + 1
metrics.embedding_quality(x[:300], z[:300]); metrics.reconstruction_error(x[:9], y[:9])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
{call}
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="resident memory in kilobytes")
@pytest.mark.parametrize(
    "call",
    [
        "metrics.trustworthiness(x, z, num_samples=50)",
        "metrics.continuity(x, z, num_samples=50)",
        "metrics.neighborhood_recall(x, z, num_samples=50)",
        "metrics.embedding_quality(x, z, num_samples=50)",
        "metrics.reconstruction_error(x, y)",
        "metrics.geodesic_correlation(z, x)",
    ],
)
def test_memory_grows_with_the_points_and_not_with_their_square(call):
    code = MEMORY.format(dim=16, call=call)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    # 200 000 x 16 numbers of float64 are 26 MB.
    assert int(done.stdout) < 150_000
