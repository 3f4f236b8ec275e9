import pytest
import torch
from torch_geometric.data import Batch, Data
from torch_geometric.utils import coalesce, to_undirected

from nrae_geometric.neighbors import knn_graph
from nrae_geometric.transforms import KNNGraph


def test_transform_connects_images_and_leaves_the_input_alone():
    data = Data(x=torch.randn(30, 1, 4, 4), y=torch.arange(30))

    out = KNNGraph(k=5)(data)

    assert torch.equal(out.edge_index, knn_graph(data.x.flatten(1), 5))
    assert torch.equal(out.y, data.y)
    assert data.edge_index is None


def test_transform_needs_points():
    with pytest.raises(ValueError, match=r"it has neither x nor pos"):
        KNNGraph(k=2)(Data(num_nodes=4))


def test_repr_tells_the_settings():
    assert repr(KNNGraph(k=7)) == "KNNGraph(k=7, metric='euclidean', backend='auto')"


def test_repr_tells_further_settings_where_they_differ_from_the_default():
    assert repr(KNNGraph(2, loop=True, flow="target_to_source")) == (
        "KNNGraph(k=2, metric='euclidean', backend='auto', loop=True, flow='target_to_source')"
    )


def test_positions_are_the_points_where_there_are_no_others():
    pos, x = torch.randn(20, 3), torch.randn(20, 2)

    assert torch.equal(KNNGraph(k=3)(Data(pos=pos)).edge_index, knn_graph(pos, 3))
    assert torch.equal(KNNGraph(k=3)(Data(pos=pos, x=x)).edge_index, knn_graph(x, 3))


@pytest.mark.parametrize("loop", [False, True])
@pytest.mark.parametrize("flow", ["source_to_target", "target_to_source"])
@pytest.mark.parametrize("force_undirected", [False, True])
@pytest.mark.parametrize("batched", [False, True])
def test_options_have_the_meaning_of_those_of_pyg(loop, flow, force_undirected, batched):
    pos = torch.randn(60, 3)
    batch = torch.arange(3).repeat_interleave(20) if batched else None
    settings = {"loop": loop, "flow": flow, "force_undirected": force_undirected}

    out = KNNGraph(k=4, **settings)(Data(pos=pos, batch=batch))

    distance = torch.cdist(pos, pos).fill_diagonal_(0 if loop else torch.inf)
    if batched:
        distance[batch[:, None] != batch] = torch.inf
    edges = torch.stack(
        [distance.topk(4, largest=False).indices.view(-1), torch.arange(60).repeat_interleave(4)]
    )
    edges = edges.flip(0) if flow == "target_to_source" else edges
    edges = to_undirected(edges) if force_undirected else edges
    assert torch.equal(coalesce(out.edge_index), coalesce(edges))
    assert out.num_edges == edges.size(1)
    first, second = pos[out.edge_index]
    torch.testing.assert_close(out.edge_length, (first - second).norm(dim=1))


def test_undirected_edges_are_grouped_by_center_nearest_first_after_the_loop():
    x = torch.zeros(6, 1).index_fill(0, torch.tensor([4, 5]), 3.0)

    out = KNNGraph(k=2, loop=True, force_undirected=True)(Data(x=x))

    neighbor, center = out.edge_index
    assert torch.equal(center, center.sort().values)
    for node in range(6):
        assert neighbor[center == node][0] == node
        assert (out.edge_length[center == node].diff() >= 0).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"flow": "up"}, "unknown flow 'up'; choose one of 'source_to_target', 'target_to_source'"),
        ({"metric": "manhattan"}, "unknown metric 'manhattan'; choose one of 'euclidean'"),
        ({"backend": "annoy"}, "unknown backend 'annoy'; choose one of 'auto', 'torch'"),
        ({"metric": ["cosine"]}, "unknown metric"),
    ],
)
def test_unknown_options_are_refused_before_there_are_points(settings, message):
    with pytest.raises(ValueError, match=message):
        KNNGraph(k=2, **settings)


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
