import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import pearsonr, spearmanr

from nrae_geometric.metrics import geodesic_correlation, graph_geodesic_correlation


def path_graph(num_nodes):
    return torch.stack([torch.arange(num_nodes - 1), torch.arange(1, num_nodes)])


def half_circle(num_points):
    # Uneven, because rounding would put equal distances in a random order.
    angle = math.pi * torch.linspace(0, 1, num_points, dtype=torch.float64) ** 1.5
    return angle, torch.stack([angle.cos(), angle.sin()], dim=1)


def test_arc_length_as_latent_is_perfect():
    angle, x = half_circle(60)
    assert geodesic_correlation(-2 * angle, angle) == pytest.approx((1.0, 1.0, 60 * 59 // 2))
    assert graph_geodesic_correlation(angle, x, path_graph(60))[:2] == pytest.approx((1.0, 1.0))


def test_the_chord_is_not_the_arc():
    angle, x = half_circle(60)
    correlation = geodesic_correlation(x, angle)
    assert correlation.spearman == pytest.approx(1.0)
    assert correlation.pearson < 0.99


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10_000), st.integers(3, 25), st.integers(1, 3))
def test_agrees_with_scipy_over_all_pairs(seed, num_points, dim):
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(num_points, 2, generator=generator, dtype=torch.float64)
    y = torch.randn(num_points, dim, generator=generator, dtype=torch.float64)
    pairs = [(i, j) for i in range(num_points) for j in range(i + 1, num_points)]
    latent = [math.dist(z[i], z[j]) for i, j in pairs]
    true = [math.dist(y[i], y[j]) for i, j in pairs]
    expected = (pearsonr(latent, true).statistic, spearmanr(latent, true).statistic, len(pairs))
    assert geodesic_correlation(z, y) == pytest.approx(expected)


def test_equal_points_are_joined_by_an_edge_without_length():
    x = torch.tensor([0.0, 1.0, 1.0, 3.0])
    correlation = graph_geodesic_correlation(x, x, path_graph(4))
    assert correlation == pytest.approx((1.0, 1.0, 6))


def test_repeated_edges_loops_and_direction_do_not_matter():
    x = torch.tensor([0.0, 1.0, 3.0, 6.0])
    edges = path_graph(4)
    messy = torch.cat([edges.flip(0), edges, edges, torch.tensor([[2], [2]])], dim=1)
    z = torch.rand(4, generator=torch.Generator().manual_seed(0))
    clean = graph_geodesic_correlation(z, x, edges)
    assert graph_geodesic_correlation(z, x, messy) == pytest.approx(clean)


def test_paths_are_as_long_as_the_lengths_that_are_given():
    length = torch.tensor([2.0, 0.5, 4.0])
    z = torch.tensor([0.0, 2, 2.5, 6.5])
    x = torch.rand(4, 2, generator=torch.Generator().manual_seed(0))
    both = torch.cat([path_graph(4), path_graph(4).flip(0)], dim=1)

    for edge_index, edge_length in [(path_graph(4), length), (both, length.repeat(2).double())]:
        found = graph_geodesic_correlation(z, x, edge_index, edge_length=edge_length)
        assert found == pytest.approx((1.0, 1.0, 6))
    assert graph_geodesic_correlation(z, x, both).pearson < 0.99


def test_pairs_in_different_components_are_left_out():
    x = torch.tensor([0.0, 1.0, 3.0, 100.0, 101.0])
    edge_index = torch.tensor([[0, 1, 3], [1, 2, 4]])
    z = torch.tensor([0.0, 1.0, 3.0, 0.0, 1.0])
    assert graph_geodesic_correlation(z, x, edge_index) == pytest.approx((1.0, 1.0, 4))


def test_large_sets_are_sampled_and_the_sample_is_reported():
    angle, x = half_circle(3000)
    assert geodesic_correlation(angle, angle).num_pairs == 1000 * 999 // 2
    correlation = graph_geodesic_correlation(angle, x, path_graph(3000), num_samples=50)
    assert correlation == pytest.approx((1.0, 1.0, 50 * 49 // 2))


def test_collapsed_latents_score_zero():
    assert geodesic_correlation(torch.zeros(5), torch.arange(5.0))[:2] == (0.0, 0.0)


def test_latents_in_training_are_accepted():
    z = torch.arange(5.0, requires_grad=True)
    assert geodesic_correlation(z, torch.arange(5)).pearson == pytest.approx(1.0)


def test_a_graph_without_paths_is_refused():
    with pytest.raises(ValueError, match="joined by a path"):
        graph_geodesic_correlation(torch.rand(4), torch.rand(4), torch.empty(2, 0).long())


def test_two_points_are_too_few():
    with pytest.raises(ValueError, match="at least 3"):
        geodesic_correlation(torch.rand(2), torch.rand(2))
