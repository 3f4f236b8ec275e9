import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.csgraph import connected_components
from torch_geometric.data import Data

from nrae_geometric.datasets import SinCurve, SwissRoll
from nrae_geometric.geodesics import distance_graph, remove_shortcuts
from nrae_geometric.transforms import KNNGraph


def with_edges(x, k, *wrong):
    edge_index = KNNGraph(k)(Data(x=x)).edge_index
    return distance_graph(x, torch.cat([edge_index, torch.tensor(wrong).T], dim=1))


@pytest.mark.parametrize("k", [5, 10])
def test_edges_across_a_curve_are_removed_and_no_others(circle, k):
    x = circle(200, angle=5)
    right = distance_graph(x, KNNGraph(k)(Data(x=x)).edge_index)

    repaired, removed = remove_shortcuts(with_edges(x, k, (0, 100), (20, 160), (40, 41)))

    assert removed == 2
    assert (repaired != right).nnz == 0


def test_two_neighboring_wrong_edges_do_not_vouch_for_each_other(circle):
    x = circle(200, angle=5)
    _, removed = remove_shortcuts(with_edges(x, 10, (10, 150), (11, 151)))

    assert removed == 2


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 1000), st.integers(2, 12))
def test_graphs_of_noisy_curves_are_left_as_they_are(seed, k):
    data = KNNGraph(k)(SinCurve(100, 0.1, seed)[0])
    graph = distance_graph(data.x, data.edge_index)

    repaired, removed = remove_shortcuts(graph)

    assert removed == 0
    assert (repaired != graph).nnz == 0


def test_no_component_falls_apart(circle):
    x = torch.cat([circle(100), circle(100) + torch.tensor([2.5, 0])])
    graph = with_edges(x, 8, (0, 150))

    repaired, removed = remove_shortcuts(graph)

    assert removed == 0
    assert connected_components(repaired)[0] == connected_components(graph)[0] == 1


def test_wrong_edges_between_the_sheets_of_a_roll_are_found(sheet_jumps):
    data = SwissRoll(2000, dim=3, seed=1)[0]
    right = distance_graph(data.x, KNNGraph(8)(data).edge_index)

    repaired, removed = remove_shortcuts(with_edges(data.x, 8, *sheet_jumps(data, 10).T.tolist()))

    assert removed == 10
    assert (repaired != right).nnz == 0


def test_a_graph_without_edges_stays_one():
    graph = distance_graph(torch.rand(3, 2), torch.empty(2, 0, dtype=torch.long))
    assert remove_shortcuts(graph)[1] == 0
