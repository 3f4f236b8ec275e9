"""Parametric UMAP against its formula in loops, and its graph against umap-learn."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch_geometric.data import Data

from nrae_geometric import ManifoldAutoencoder
from nrae_geometric.loader import NeighborhoodLoader
from nrae_geometric.nn import ParametricUMAP, mlp
from nrae_geometric.nn.models.parametric_umap import curve_parameters, fuzzy_memberships
from nrae_geometric.transforms import KNNGraph


def model(**settings):
    torch.manual_seed(0)
    networks = mlp([3, 16, 2], "tanh"), mlp([2, 16, 3], "tanh")
    return ParametricUMAP(*networks, **settings).double()


def graph(x, k=4):
    return KNNGraph(k)(Data(x=x))


def cloud(num=25, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(num, 3)))


def slow_memberships(data):
    """Each point's scale by bisection, then the union of both directions."""
    num = data.num_nodes
    edges = list(zip(*data.edge_index.tolist(), data.edge_length.tolist(), strict=True))
    strength = {}
    everything = [r for *_, r in edges]
    for i in range(num):
        lengths = {j: r for j, c, r in edges if c == i}
        rho = min((r for r in lengths.values() if r > 0), default=0.0)
        low, high, sigma = 0.0, math.inf, 1.0
        for _ in range(64):
            total = sum(math.exp(-max(0, r - rho) / sigma) for r in lengths.values())
            if abs(total - math.log2(len(lengths) + 1)) < 1e-5:
                break
            if total > math.log2(len(lengths) + 1):
                high = sigma
            else:
                low = sigma
            sigma = 2 * sigma if math.isinf(high) else (low + high) / 2
        mean = sum(lengths.values()) / (len(lengths) + 1)
        mean = mean if rho > 0 else sum(everything) / (len(everything) + num)
        sigma = max(sigma, 1e-3 * mean)
        for j, r in lengths.items():
            strength[j, i] = math.exp(-(r - rho) / sigma) if r > rho else 1.0
    found = []
    for j, i, _ in edges:
        there, back = strength[j, i], strength.get((i, j), 0.0)
        found.append(there + back - there * back)
    return found


@given(st.integers(6, 14), st.integers(1, 5), st.integers(0, 1000))
def test_memberships_are_those_of_loops(num, k, seed):
    x = cloud(num, seed)
    x[1] = x[0]
    data = graph(x, k)
    found, _ = fuzzy_memberships(data.edge_index, data.edge_length, num)
    torch.testing.assert_close(found.tolist(), slow_memberships(data), rtol=0, atol=1e-4)


@pytest.mark.parametrize("k", [2, 5, 14])
def test_memberships_are_those_of_umap(k):
    umap = pytest.importorskip("umap.umap_", reason="needs umap-learn")
    x = cloud(80)
    x[3] = x[7]
    data = graph(x, k)
    # There, the first neighbor of a point is the point itself.
    index, length = (
        torch.cat([own, values.view(80, k)], 1)
        for own, values in (
            (torch.arange(80)[:, None], data.edge_index[0]),
            (torch.zeros(80, 1), data.edge_length),
        )
    )
    expected, *_ = umap.fuzzy_simplicial_set(
        x.numpy(), k + 1, 0, "euclidean", knn_indices=index.numpy(), knn_dists=length.numpy()
    )
    found, is_mutual = fuzzy_memberships(data.edge_index, data.edge_length, 80)
    table = expected.toarray()
    source, target = data.edge_index.numpy()
    np.testing.assert_allclose(found, table[source, target], atol=1e-4)
    # All of UMAP's edges are there in one direction at least.
    assert (table > 0).sum() == len(source) + int((~is_mutual).sum())


@pytest.mark.parametrize(("min_dist", "spread"), [(0.1, 1.0), (0.0, 1.0), (0.5, 2.0)])
def test_curve_is_that_of_umap(min_dist, spread):
    umap = pytest.importorskip("umap.umap_", reason="needs umap-learn")
    expected = umap.find_ab_params(spread, min_dist)
    assert curve_parameters(min_dist, spread) == pytest.approx(expected, rel=1e-5)


def test_points_of_any_number_of_neighbors_have_memberships():
    edges = torch.tensor([[1, 2, 2, 0, 3], [0, 0, 1, 2, 3]])
    found, is_mutual = fuzzy_memberships(edges, torch.tensor([1.0, 2.0, 1.0, 2.0, 0.0]), 5)
    assert is_mutual.tolist() == [False, True, False, True, False]
    assert found[[0, 2]].tolist() == [1, 1]
    assert found[1] == found[3] == 1
    assert found[4] == 0
    none, _ = fuzzy_memberships(edges[:, :0], torch.empty(0), 5)
    assert none.shape == (0,)


def test_weights_are_as_the_memberships_of_both_directions():
    data = graph(cloud())
    weight = model().prepared(data).edge_attraction
    member = slow_memberships(data)
    pairs = set(zip(*data.edge_index.tolist(), strict=True))
    edges = zip(*data.edge_index.tolist(), member, strict=True)
    both = [p if (i, j) in pairs else 2 * p for j, i, p in edges]
    expected = torch.tensor(both, dtype=torch.float64) / np.mean(both)
    torch.testing.assert_close(weight.double(), expected, rtol=0, atol=1e-4)
    assert "edge_attraction" not in data


@pytest.mark.parametrize("joint", [True, False])
def test_loss_is_that_of_the_formula(joint):
    umap = model(umap_weight=0.7, num_negatives=3, joint=joint)
    data = umap.prepared(graph(cloud()))
    batch = next(iter(NeighborhoodLoader(data, 2, batch_size=9, generator=torch.Generator())))
    torch.manual_seed(1)
    loss = umap.loss(batch)
    edges = [
        (j, i, w)
        for j, i, w in zip(*batch.edge_index.tolist(), batch.edge_attraction.tolist(), strict=True)
        if j != i
    ]
    torch.manual_seed(1)
    shift = torch.randint(1, 9, (3, len(edges)))
    z = umap.encode(batch.x).tolist()

    def q(i, j):
        return 1 / (1 + umap.a * math.dist(z[i], z[j]) ** (2 * umap.b))

    total = 0.0
    for e, (j, i, w) in enumerate(edges):
        total -= w * math.log(q(i, j))
        for k in range(3):
            total -= w * math.log(1 - q(i, (i + int(shift[k, e])) % 9))
    error = (batch.x[:9] - umap(batch.x[:9])).square().mean().item()
    assert len(edges) == 18
    assert loss.item() == pytest.approx(error + 0.7 * total / (18 * 4))


def test_encoder_learns_from_the_reconstruction_where_it_should():
    data = graph(cloud())
    for joint in (True, False):
        umap = model(umap_weight=0.0, joint=joint)
        umap.loss(umap.prepared(data)).backward()
        has_gradient = any(p.grad is not None and p.grad.any() for p in umap.encoder.parameters())
        assert has_gradient == joint


def test_batch_without_weights_is_an_error():
    with pytest.raises(ValueError, match=r"model\.prepared\(graph\)"):
        model().loss(graph(cloud()))
    with pytest.raises(ValueError, match="edges with lengths"):
        model().prepared(Data(x=cloud()))


def test_clusters_come_apart_and_points_left_out_are_validated():
    random = np.random.default_rng(0)
    centers = np.repeat(np.eye(3) * 3, 40, axis=0)
    points = centers + random.normal(size=(120, 3)) * 0.5
    fitted = ManifoldAutoencoder(
        method="parametric_umap",
        n_neighbors=8,
        hidden_layer_sizes=(32,),
        init="pca",
        early_stopping=True,
        max_epochs=40,
        random_state=0,
        device="cpu",
    ).fit(points)
    z = fitted.embedding_.reshape(3, 40, 2)
    within = z.std(axis=1).max()
    middles = z.mean(axis=1)
    between = min(np.linalg.norm(middles[i] - middles[j]) for i in range(3) for j in range(i))
    assert between > 3 * within
    assert "edge_attraction" not in fitted.graph_
    assert np.isfinite([record["validation_loss"] for record in fitted.history_]).all()
    fitted.set_params(early_stopping=False)
    assert fitted.partial_fit(points[:60]).n_epochs_ == len(fitted.history_)


@pytest.mark.parametrize("argument", ["umap_weight", "min_dist", "spread", "num_negatives"])
def test_arguments_out_of_range_are_refused(argument):
    with pytest.raises(ValueError, match=argument):
        model(**{argument: -1})
