import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.csgraph import dijkstra

from nrae_geometric.geodesics.distance_graph import distance_graph


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
