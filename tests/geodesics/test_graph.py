import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.csgraph import dijkstra

from nrae_geometric.geodesics import (
    distance_graph,
    landmark_distances,
    shortest_path,
    shortest_paths,
)
from nrae_geometric.geodesics.graph import farthest_pair


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10_000), st.integers(2, 20))
def test_every_edge_is_there_both_ways_with_its_length(seed, num_points):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(num_points, 3, generator=generator, dtype=torch.float64)
    edge_index = torch.randint(num_points, (2, 4 * num_points), generator=generator)

    graph = torch.from_numpy(distance_graph(x, edge_index).toarray())

    expected = torch.zeros(num_points, num_points, dtype=torch.float64)
    for i, j in edge_index.T.tolist():
        expected[i, j] = expected[j, i] = (x[i] - x[j]).norm()
    assert torch.allclose(graph, expected)


def test_equal_points_are_joined_by_an_edge_of_no_length():
    x = torch.tensor([[0.0], [0.0], [3.0]])
    graph = distance_graph(x, torch.tensor([[0, 1], [1, 2]]))

    assert dijkstra(graph, indices=0).tolist() == [0, 0, 3]


def test_lengths_that_are_given_are_taken():
    edge_index = torch.tensor([[0, 2], [1, 1]])
    graph = distance_graph(torch.rand(3, 2), edge_index, torch.tensor([0.5, 4.0]))

    assert graph.toarray().tolist() == [[0, 0.5, 0], [0.5, 0, 4], [0, 4, 0]]


def test_given_lengths_of_zero_are_edges():
    graph = distance_graph(torch.rand(3, 2), torch.tensor([[0, 1], [1, 2]]), torch.tensor([0, 2]))

    assert dijkstra(graph, indices=0).tolist() == [0, 0, 2]


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64, torch.int32])
def test_lengths_of_any_type_do_not_change_where_edges_are_repeated(dtype):
    edge_index = torch.tensor([[0, 1, 0, 1, 2], [1, 0, 1, 2, 2]])
    length = torch.tensor([0.1, 0.1, 0.1, 3, 0]).to(dtype)

    graph = distance_graph(torch.rand(3, 2), edge_index, length)

    assert graph[0, 1] == graph[1, 0] == float(length[0])
    assert graph[1, 2] == 3
    assert graph.nnz == 4


def test_the_shortest_of_different_lengths_counts():
    graph = distance_graph(
        torch.rand(2, 2), torch.tensor([[0, 1], [1, 0]]), torch.tensor([2.0, 1.5])
    )

    assert graph.toarray().tolist() == [[0, 1.5], [1.5, 0]]


@pytest.mark.parametrize("scale", [1e-170, 1e140])
def test_lengths_of_tiny_and_huge_points_neither_vanish_nor_overflow(scale):
    x = torch.tensor([[0.0, 0.0], [3.0, 4.0]], dtype=torch.float64) * scale

    assert distance_graph(x, torch.tensor([[0], [1]]))[0, 1] == pytest.approx(5 * scale)


@pytest.mark.parametrize(
    ("length", "message"),
    [
        (torch.ones(3), "there are 2 edges"),
        (torch.tensor([1.0, -1.0]), "first: edge 1"),
        (torch.tensor([torch.nan, 1.0]), "first: edge 0"),
        (torch.ones(2, dtype=torch.complex64), "lengths are real"),
    ],
)
def test_what_is_no_length_is_an_error(length, message):
    with pytest.raises(ValueError, match=message):
        distance_graph(torch.rand(3, 2), torch.tensor([[0, 1], [1, 2]]), length)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10_000), st.integers(1, 20))
def test_shortest_paths_are_no_longer_than_any_way_through_a_third_node(seed, num_points):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(num_points, 2, generator=generator, dtype=torch.float64)
    edge_index = torch.randint(num_points, (2, 2 * num_points), generator=generator)
    graph, nodes = distance_graph(x, edge_index), np.arange(num_points)

    expected = np.where(graph.toarray() > 0, graph.toarray(), np.inf)
    np.fill_diagonal(expected, 0)
    for node in nodes:  # Floyd and Warshall's
        expected = np.minimum(expected, expected[:, [node]] + expected[node])
    assert shortest_paths(graph, nodes, nodes) == pytest.approx(expected)


def test_shortest_path_visits_its_nodes_in_order_and_has_the_shortest_length():
    x = torch.tensor([[0.0, 0.0], [5.0, 0.0], [1.0, 0.1], [2.0, 0.0], [9.0, 9.0]])
    graph = distance_graph(x, torch.tensor([[0, 2, 3, 0], [2, 3, 1, 4]]))

    path = shortest_path(graph, 1, 0)
    assert path.tolist() == [1, 3, 2, 0]
    length = graph.toarray()[path[:-1], path[1:]].sum()
    assert length == pytest.approx(shortest_paths(graph, np.array([1]), np.array([0])).item())
    assert shortest_path(graph, 4, 4).tolist() == [4]


def test_nodes_that_no_path_joins_are_an_error():
    graph = distance_graph(torch.rand(3, 2), torch.tensor([[0], [1]]))
    with pytest.raises(ValueError, match="no path of the graph joins nodes 0 and 2"):
        shortest_path(graph, 0, 2)


def line(path_edges, *positions):
    x = torch.tensor(positions)[:, None]
    return distance_graph(x, path_edges(*x[:, 0].argsort().tolist()))


def test_the_ends_of_a_line_are_farthest_apart(path_edges):
    assert set(farthest_pair(line(path_edges, 3.0, 0.0, 9.0, 4.0, 1.0))) == {1, 2}


def test_landmarks_are_each_the_farthest_from_those_before(path_edges):
    landmarks, distance = landmark_distances(line(path_edges, 0.0, 1.0, 2.0, 6.0, 10.0), 3)

    assert sorted(landmarks[:2]) == [0, 4]
    assert landmarks[2] == 3
    assert distance[2].tolist() == [6, 5, 4, 0, 4]


def test_few_points_are_all_landmarks(path_edges):
    landmarks, distance = landmark_distances(line(path_edges, 0.0, 1.0, 3.0), 3)

    assert landmarks.tolist() == [0, 1, 2]
    assert distance.tolist() == [[0, 1, 3], [1, 0, 2], [3, 2, 0]]
