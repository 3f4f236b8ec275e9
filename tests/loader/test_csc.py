import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nrae_geometric.loader.csc import CSCGraph

edge_lists = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=30)


def to_edge_index(edges: list[tuple[int, int]]) -> torch.Tensor:
    return torch.tensor(edges, dtype=torch.long).view(-1, 2).t()


@settings(deadline=None, max_examples=60)
@given(edge_lists)
def test_edges_are_grouped_by_target_in_their_old_order(edges: list[tuple[int, int]]) -> None:
    number = torch.arange(len(edges)).flip(0) + 100
    for edge_id, first in ((None, lambda i: i), (number, lambda i: int(number[i]))):
        graph = CSCGraph.from_edge_index(to_edge_index(edges), num_nodes=7, edge_id=edge_id)
        for node in range(7):
            mine = torch.arange(int(graph.ptr[node]), int(graph.ptr[node + 1]))
            expected = [(first(i), s) for i, (s, t) in enumerate(edges) if t == node]
            source, edge = graph.edges(mine)
            assert list(zip(edge.tolist(), source.tolist(), strict=True)) == expected
        assert graph.degree(torch.arange(7)).tolist() == [
            sum(t == node for _, t in edges) for node in range(7)
        ]
