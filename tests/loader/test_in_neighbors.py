import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nrae_geometric.loader.in_neighbors import InNeighbors

edge_lists = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=30)


def to_edge_index(edges: list[tuple[int, int]]) -> torch.Tensor:
    return torch.tensor(edges, dtype=torch.long).view(-1, 2).t()


@settings(deadline=None, max_examples=60)
@given(edge_lists)
def test_edges_are_grouped_by_target_in_their_old_order(edges: list[tuple[int, int]]) -> None:
    graph = InNeighbors.from_edge_index(to_edge_index(edges), num_nodes=7)
    for node in range(7):
        position = torch.arange(int(graph.ptr[node]), int(graph.ptr[node + 1]))
        expected = [(i, s) for i, (s, t) in enumerate(edges) if t == node]
        ids = graph.edge_ids(position).tolist()
        assert list(zip(ids, graph.source[position].tolist(), strict=True)) == expected
    assert graph.degree(torch.arange(7)).tolist() == [
        sum(t == node for _, t in edges) for node in range(7)
    ]


@settings(deadline=None, max_examples=60)
@given(edge_lists)
def test_self_loops_can_be_kept_apart(edges: list[tuple[int, int]]) -> None:
    graph = InNeighbors.from_edge_index(to_edge_index(edges), num_nodes=7, keep_loops=False)
    loops = graph.loop_ids(torch.arange(7)).tolist()
    for node in range(7):
        own = [i for i, edge in enumerate(edges) if edge == (node, node)]
        assert loops[node] in own if own else loops[node] == -1
        position = torch.arange(int(graph.ptr[node]), int(graph.ptr[node + 1]))
        expected = [i for i, (s, t) in enumerate(edges) if t == node and s != node]
        assert graph.edge_ids(position).tolist() == expected
        assert graph.source[position].tolist() == [edges[i][0] for i in expected]
