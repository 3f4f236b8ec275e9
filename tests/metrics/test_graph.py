import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.csgraph import connected_components
from sklearn.neighbors import kneighbors_graph

from nrae_geometric.metrics import graph_diagnostics, smallest_connected_k


def test_components_and_degrees_of_a_small_graph():
    edge_index = torch.tensor([[0, 1, 1, 3, 3], [1, 0, 2, 4, 3]])
    diagnostics = graph_diagnostics(edge_index, num_nodes=6)
    assert diagnostics.num_components == 3
    assert diagnostics.component.tolist() == [0, 0, 0, 1, 1, 2]
    assert diagnostics.degree.tolist() == [1, 2, 1, 1, 1, 0]


def test_a_graph_without_edges_is_all_components():
    assert graph_diagnostics(torch.empty(2, 0, dtype=torch.long), 4).num_components == 4


@pytest.mark.parametrize(
    ("edge_index", "message"),
    [
        (torch.tensor([[0], [5]]), "names node 5, but the 5 points are numbered 0 to 4"),
        (torch.tensor([[-1], [0]]), "names node -1"),
        (torch.zeros(3, 4, dtype=torch.long), r"must be \[2, E\]"),
        (torch.zeros(2, 4), "node numbers are integers"),
    ],
)
def test_a_malformed_graph_is_refused(edge_index, message):
    with pytest.raises(ValueError, match=message):
        graph_diagnostics(edge_index, 5)


def test_an_evenly_spaced_line_needs_few_neighbors():
    # With distances growing to the right every point's nearest neighbor is its left one.
    assert smallest_connected_k(torch.arange(1, 20.0).square()) == 1
    # Two pairs: the second neighbor is the nearest one across the gap.
    assert smallest_connected_k(torch.tensor([0.0, 1.0, 10.0, 11.0])) == 2


def test_clusters_need_as_many_neighbors_as_they_have_points():
    cluster = torch.rand(7, 3, generator=torch.Generator().manual_seed(0))
    x = torch.cat([cluster, cluster + 100])
    assert smallest_connected_k(x) == 7
    assert smallest_connected_k(x, max_k=6) is None


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000), st.integers(2, 40), st.integers(1, 5))
def test_smallest_connected_k_agrees_with_trying_all(seed, num_points, dim):
    x = torch.randn(num_points, dim, generator=torch.Generator().manual_seed(seed)).double()
    expected = next(
        k
        for k in range(1, num_points)
        if connected_components(kneighbors_graph(np.asarray(x), k), directed=False)[0] == 1
    )
    assert smallest_connected_k(x) == expected


def test_a_single_point_has_no_graph():
    with pytest.raises(ValueError, match="at least two points"):
        smallest_connected_k(torch.rand(1, 2))


def test_two_rays_that_are_near_at_one_end_are_far_in_angle():
    x = torch.tensor([[1.0, 0], [2, 0], [3, 0], [0, 1], [0, 2], [0, 3]])
    assert smallest_connected_k(x) == 2
    assert smallest_connected_k(x, metric="cosine") == 3
