import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.csgraph import connected_components, minimum_spanning_tree
from scipy.spatial.distance import cdist

from nrae_geometric.geodesics import components, connect_components, distance_graph

NO_EDGES = torch.empty(2, 0, dtype=torch.long)


def new_edges(before, after):
    rows, columns = (after - before).nonzero()
    return {(int(i), int(j)) for i, j in zip(rows, columns, strict=True) if i < j}


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10_000), st.integers(2, 30))
def test_isolated_points_of_a_plane_are_joined_by_the_shortest_tree(seed, num_points):
    x = torch.randn(num_points, 2, generator=torch.Generator().manual_seed(seed)).double()
    graph, num_components = connect_components(distance_graph(x, NO_EDGES), x, dim=2)

    assert num_components == num_points
    tree = minimum_spanning_tree(cdist(x, x))
    assert new_edges(0 * graph, graph) == new_edges(0 * tree, tree.maximum(tree.T))


def test_a_connected_graph_stays_as_it_is(path_edges):
    x = torch.rand(4, 2)
    graph = distance_graph(x, path_edges(0, 1, 2, 3))
    same, num_components = connect_components(graph, x, dim=2)

    assert num_components == 1
    assert (same != graph).nnz == 0


def test_pieces_of_a_line_are_joined_at_their_ends(path_edges):
    x = torch.tensor([[0.0, 0], [1, 0], [2, 0], [4, 0], [5, 0], [6, 0]])
    graph = distance_graph(x, torch.cat([path_edges(0, 1, 2), path_edges(5, 4, 3)], dim=1))

    assert new_edges(graph, connect_components(graph, x, dim=1)[0]) == {(2, 3)}


def test_a_piece_beside_the_middle_of_a_line_is_put_at_an_end_of_it(path_edges):
    x = torch.tensor([[0.0, 0], [3, 0], [6, 0], [9, 0], [4, 1], [4, 3]])
    graph = distance_graph(x, torch.cat([path_edges(0, 1, 2, 3), path_edges(4, 5)], dim=1))

    assert new_edges(graph, connect_components(graph, x, dim=1)[0]) == {(0, 4)}
    assert new_edges(graph, connect_components(graph, x, dim=2)[0]) == {(1, 4)}


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10_000), st.integers(1, 15))
def test_isolated_points_become_one_chain_on_a_line(seed, num_points):
    x = torch.randn(num_points, 2, generator=torch.Generator().manual_seed(seed)).double()
    graph, _ = connect_components(distance_graph(x, NO_EDGES), x, dim=1)

    assert connected_components(graph)[0] == 1
    assert graph.nnz == 2 * (num_points - 1)
    assert max((graph != 0).sum(axis=1)) <= 2


@pytest.mark.parametrize("dim", [1, 2])
def test_a_new_edge_is_brought_to_the_unit_of_the_lengths_that_are_given(path_edges, dim):
    x = torch.tensor([[0.0], [1], [2], [6], [7]])
    edge_index = torch.cat([path_edges(0, 1, 2), path_edges(3, 4)], dim=1)
    graph, _ = connect_components(distance_graph(x, edge_index, 10 * torch.ones(3)), x, dim)

    assert graph[2, 3] == pytest.approx(40)


@pytest.mark.parametrize("dim", [1, 2])
def test_copies_of_a_point_are_joined_by_edges_of_no_length(dim):
    graph, num_components = connect_components(
        distance_graph(x := torch.ones(4, 2), NO_EDGES), x, dim
    )

    assert num_components == 4
    assert connected_components(graph)[0] == 1
    assert not graph.toarray().any()


@pytest.mark.parametrize("num_sheets", [2, 3])
def test_sheets_of_very_many_points_are_joined_where_they_are_near(monkeypatch, num_sheets):
    monkeypatch.setattr(components, "_MOST_DIFFERENCES", 1_000_000)
    generator = torch.Generator().manual_seed(0)
    sheet = torch.arange(num_sheets).repeat_interleave(1000)
    x = torch.rand(len(sheet), 3, generator=generator, dtype=torch.float64)
    x[:, 2] = sheet + x[:, 0].square() / 4 * (sheet % 2)
    edges = torch.cat([torch.arange(len(x) - 1)[None], torch.arange(1, len(x))[None]])
    edges = edges[:, sheet[edges[0]] == sheet[edges[1]]]

    joined = connect_components(distance_graph(x, edges), x, dim=2)[0]
    assert connected_components(joined)[0] == 1
    for i, j in new_edges(distance_graph(x, edges), joined):
        apart = cdist(x[sheet == sheet[i]], x[sheet == sheet[j]])
        assert apart.min() <= float((x[i] - x[j]).norm()) < 1.01 * apart.min()
