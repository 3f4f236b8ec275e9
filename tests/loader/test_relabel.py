import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nrae_geometric.loader.relabel import BatchLayout, relabel


def relabel_one(seed: list[int], edges: list[tuple[int, int]]) -> tuple[list[int], list[int]]:
    """Numbers one batch with a dictionary; edges are (source node, position of its seed)."""
    local: dict[int, int] = {}
    for position, node in enumerate(seed):
        local.setdefault(node, position)
    new_nodes: list[int] = []
    for source, _ in edges:
        if source not in local:
            local[source] = len(seed) + len(new_nodes)
            new_nodes.append(source)
    return [local[source] for source, _ in edges], new_nodes


batch = st.lists(
    st.tuples(st.integers(0, 9), st.lists(st.integers(0, 9), min_size=1, max_size=4)),
    min_size=1,
    max_size=5,
)


@settings(deadline=None, max_examples=100)
@given(st.lists(batch, min_size=1, max_size=4))
def test_each_batch_is_numbered_as_a_dictionary_would(batches: list) -> None:
    seed = [node for batch in batches for node, _ in batch]
    source = [node for batch in batches for _, sources in batch for node in sources]
    count = [len(sources) for batch in batches for _, sources in batch]
    layout = BatchLayout.from_counts(
        [len(batch) for batch in batches], torch.tensor(count), torch.device("cpu")
    )
    row, new_node, num_new_nodes = relabel(
        torch.tensor(seed), torch.tensor(source), layout, num_nodes=10
    )

    rows, cols, new_nodes, num_new, num_edges = [], [], [], [], []
    for pairs in batches:
        local_edges = [(s, i) for i, (_, sources) in enumerate(pairs) for s in sources]
        local_rows, new = relabel_one([node for node, _ in pairs], local_edges)
        rows += local_rows
        cols += [position for _, position in local_edges]
        new_nodes += new
        num_new.append(len(new))
        num_edges.append(len(local_edges))
    assert row.tolist() == rows
    assert layout.col.tolist() == cols
    assert new_node.tolist() == new_nodes
    assert num_new_nodes == num_new
    assert layout.num_edges == num_edges


def test_one_count_for_every_seed_equals_a_tensor_of_counts() -> None:
    cpu = torch.device("cpu")
    by_number = BatchLayout.from_counts([3, 1], 2, cpu)
    by_tensor = BatchLayout.from_counts([3, 1], torch.full((4,), 2), cpu)
    for name in ("edge_ptr", "col", "batch", "entry", "seed_local", "seed_size"):
        assert torch.equal(getattr(by_number, name), getattr(by_tensor, name))
    assert by_number.num_edges == by_tensor.num_edges == [6, 2]
