import pytest
import torch
from torch_geometric.data import Data

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
    assert repr(KNNGraph(k=7)) == "KNNGraph(k=7, backend='auto')"
