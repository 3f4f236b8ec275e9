import pytest
import torch
from torch_geometric.data import Batch, Data

from nrae_geometric.neighbors import knn_graph
from nrae_geometric.transforms import KNNGraph


def test_transform_connects_images_and_leaves_the_input_alone():
    data = Data(x=torch.randn(30, 1, 4, 4), y=torch.arange(30))

    out = KNNGraph(k=5)(data)

    assert torch.equal(out.edge_index, knn_graph(data.x.flatten(1), 5))
    assert torch.equal(out.y, data.y)
    assert data.edge_index is None


def test_transform_needs_points():
    with pytest.raises(ValueError, match=r"needs points in data\.x"):
        KNNGraph(k=2)(Data(num_nodes=4))


def test_repr_tells_the_settings():
    assert repr(KNNGraph(k=7)) == "KNNGraph(k=7, metric='euclidean', backend='auto')"


def test_distances_in_the_metric_stay_on_the_graph():
    x = torch.randn(40, 3, dtype=torch.float64)

    out = KNNGraph(k=4, metric="cosine")(Data(x=x))

    neighbor, center = out.edge_index
    expected = 1 - torch.cosine_similarity(x[neighbor], x[center])
    torch.testing.assert_close(out.edge_length, expected, rtol=1e-9, atol=1e-12)


def test_attributes_of_an_earlier_graph_are_removed():
    earlier = Data(
        x=torch.randn(20, 3),
        y=torch.arange(20),
        edge_index=torch.randint(20, (2, 35)),
        edge_attr=torch.randn(35, 2),
        edge_weight=torch.rand(35),
        edge_length=torch.rand(35),
        adj_t=torch.eye(20),
    )

    out = KNNGraph(k=2)(earlier)

    assert set(out.keys()) == {"x", "y", "edge_index", "edge_length"}
    assert len(out.edge_length) == out.num_edges == 40


def test_graphs_of_a_batch_stay_apart():
    batch = Batch.from_data_list([Data(x=torch.randn(n, 2)) for n in (5, 9, 4)])

    out = KNNGraph(k=3)(batch)

    neighbor, center = out.edge_index
    assert torch.equal(batch.batch[neighbor], batch.batch[center])
    for graph, single in enumerate(out.to_data_list()):
        alone = KNNGraph(k=3)(Data(x=single.x))
        mine = out.edge_index[:, batch.batch[center] == graph] - batch.ptr[graph]
        assert torch.equal(mine, alone.edge_index)
