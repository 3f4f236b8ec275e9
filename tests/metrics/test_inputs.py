"""Points of any type, library and unit, the same for all metrics."""

import numpy as np
import pytest
import torch
from torch import nn

from nrae_geometric.metrics import (
    continuity,
    decoder_distortion,
    embedding_quality,
    geodesic_correlation,
    graph_diagnostics,
    graph_geodesic_correlation,
    latent_order,
    manifold_distance,
    mean_relative_rank_errors,
    neighborhood_recall,
    reconstruction_error,
    shortcut_edges,
    shortcut_segments,
    smallest_connected_k,
    trustworthiness,
)

GENERATOR = torch.Generator().manual_seed(0)
X = torch.randn(40, 3, generator=GENERATOR, dtype=torch.float64)
Z = X[:, :2] + 0.1 * torch.randn(40, 2, generator=GENERATOR, dtype=torch.float64)
EDGES = torch.stack([torch.arange(39), torch.arange(1, 40)])
LENGTH = torch.rand(39, generator=GENERATOR, dtype=torch.float64)
DECODER = nn.Linear(2, 3).double()

CALLS = {
    "reconstruction_error": (reconstruction_error, (X, X + 1)),
    "latent_order": (latent_order, (Z[:, 0], X[:, 0])),
    "geodesic_correlation": (geodesic_correlation, (Z, X)),
    "graph_geodesic_correlation": (graph_geodesic_correlation, (Z, X, EDGES)),
    "manifold_distance": (manifold_distance, (DECODER, Z, X, 50)),
    "trustworthiness": (trustworthiness, (X, Z)),
    "continuity": (continuity, (X, Z)),
    "neighborhood_recall": (neighborhood_recall, (X, Z)),
    "mean_relative_rank_errors": (mean_relative_rank_errors, (X, Z)),
    "embedding_quality": (embedding_quality, (X, Z)),
    "shortcut_edges": (shortcut_edges, (Z, EDGES, X)),
    "shortcut_segments": (shortcut_segments, (DECODER, Z, X, EDGES)),
    "graph_diagnostics": (graph_diagnostics, (EDGES, 40)),
    "smallest_connected_k": (smallest_connected_k, (X,)),
    "decoder_distortion": (decoder_distortion, (DECODER, Z)),
}


def plain(value):
    if isinstance(value, tuple):
        return tuple(plain(item) for item in value)
    return value.tolist() if isinstance(value, torch.Tensor) else value


def converted(arguments, convert):
    return [convert(item) if isinstance(item, torch.Tensor) else item for item in arguments]


@pytest.mark.parametrize("name", CALLS)
def test_arrays_are_taken_as_tensors_are(name):
    metric, arguments = CALLS[name]
    found = metric(*converted(arguments, lambda tensor: tensor.numpy()))
    assert plain(found) == plain(metric(*arguments))


@pytest.mark.parametrize("order", [slice(None, None, -1), slice(None)])
def test_views_and_read_only_arrays_are_taken(order):
    z = np.arange(10.0)[order]
    z.setflags(write=False)
    assert latent_order(z, np.arange(10)).spearman == pytest.approx(1)


@pytest.mark.parametrize("name", [name for name in CALLS if name != "graph_diagnostics"])
def test_complex_points_are_refused(name):
    metric, arguments = CALLS[name]

    def to_complex(tensor):
        return tensor.to(torch.complex128) if tensor.is_floating_point() else tensor

    with pytest.raises(TypeError, match="complex"):
        metric(*converted(arguments, to_complex))


def test_double_precision_latents_are_decoded_by_a_single_precision_module():
    decoder = nn.Linear(2, 3)
    z = Z.numpy()
    expected = decoder_distortion(decoder, Z.float())

    assert torch.allclose(decoder_distortion(decoder, z).volume, expected.volume)
    assert manifold_distance(decoder.forward, z, X.numpy(), 20).hausdorff > 0


@pytest.mark.parametrize("dtype", [torch.int64, torch.float64])
def test_times_in_seconds_keep_their_order(dtype):
    time = (1_700_000_000 + torch.arange(100)).to(dtype)
    assert latent_order(time, torch.arange(100)) == pytest.approx((1, 1, 1))
    assert latent_order(torch.arange(100), time) == pytest.approx((1, 1, 1))


def test_wide_integers_are_compared_exactly():
    x = 1_700_000_000 + torch.arange(30)[:, None].square()
    assert trustworthiness(x, x.double()) == 1
    assert neighborhood_recall(x, x.double()) == 1
    assert reconstruction_error(x, x + 1) == 1
    assert smallest_connected_k(x) == smallest_connected_k(x - x[0])


UNITLESS = {
    "trustworthiness": lambda x, z: trustworthiness(x, z),
    "continuity": lambda x, z: continuity(x, z),
    "neighborhood_recall": lambda x, z: neighborhood_recall(x, z),
    "mean_relative_rank_errors": lambda x, z: mean_relative_rank_errors(x, z),
    "embedding_quality": lambda x, z: embedding_quality(x, z),
    "latent_order": lambda x, z: latent_order(z[:, 0], x[:, 0]),
    "geodesic_correlation": lambda x, z: geodesic_correlation(z, x),
    "graph_geodesic_correlation": lambda x, z: graph_geodesic_correlation(z, x, EDGES),
    "shortcut_edges": lambda x, z: shortcut_edges(z, EDGES, x),
    "smallest_connected_k": lambda x, z: smallest_connected_k(x),
}


@pytest.mark.parametrize("scale", [1e-170, 1e160])
@pytest.mark.parametrize("name", UNITLESS)
@pytest.mark.parametrize("wide", [False, True])
def test_the_unit_of_the_points_does_not_matter(name, scale, wide):
    x = torch.cat([X] * 10, dim=1) if wide else X
    metric = UNITLESS[name]
    found, expected = metric(x * scale, Z * scale), metric(x, Z)
    if name == "shortcut_edges":
        assert torch.allclose(found.stretch, expected.stretch)
    else:
        assert found == pytest.approx(expected)


@pytest.mark.parametrize("scale", [1e-25, 1e30])
def test_the_unit_of_single_precision_points_does_not_matter(scale):
    x = X.float()
    assert embedding_quality(x * scale, Z) == pytest.approx(embedding_quality(x, Z))
    assert smallest_connected_k(x * scale) == smallest_connected_k(x)
