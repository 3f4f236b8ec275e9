"""Losses over the batches of both loaders add up to those of the whole graph."""

from collections.abc import Iterable

import pytest
import torch
from torch import Tensor, nn
from torch_geometric.data import Data
from torch_geometric.loader import NeighborLoader
from torch_geometric.nn import GraphSAGE

from nrae_geometric.loader import NeighborhoodLoader
from nrae_geometric.nn import AE, NRAE, BinaryKernel, mlp

# PyG warns that torch-sparse makes way for pyg-lib.
pytestmark = pytest.mark.filterwarnings("ignore:Using .NeighborSampler. without")


def graph(degrees: list[int] | None = None) -> Data:
    """Points on a noisy arc in three dimensions, and edges from random nodes into each."""
    generator = torch.Generator().manual_seed(0)
    degrees = degrees or [4] * 40
    angle = torch.linspace(0, 3, len(degrees))
    x = torch.stack([angle.cos(), angle.sin(), angle**2 / 9], 1)
    x = x + 0.02 * torch.randn(x.shape, generator=generator)
    edges = [
        (neighbor, center)
        for center, degree in enumerate(degrees)
        for neighbor in torch.randperm(len(degrees), generator=generator)[:degree].tolist()
    ]
    return Data(x=x, edge_index=torch.tensor(edges).T.contiguous())


def vanilla(data: Data, num_neighbors: list[int], **kwargs: object) -> NeighborLoader:
    pytest.importorskip("torch_sparse", reason="PyG's sampler needs torch-sparse or pyg-lib")
    return NeighborLoader(data, num_neighbors, **kwargs)


def loss_over(model: AE, loader: Iterable[Data]) -> float:
    """The mean over all edges that count, whatever the batches."""
    model.criterion.reduction = "none"
    return torch.cat([model.loss(batch) for batch in loader]).mean().item()


@pytest.fixture
def model() -> NRAE:
    torch.manual_seed(0)
    return NRAE(mlp([3, 16, 1], "elu"), mlp([1, 16, 3], "elu"), 2, BinaryKernel(5.0))


@pytest.mark.parametrize("degrees", [None, [3, 1, 5, 2, 4, 1]])
@pytest.mark.parametrize("batch_size", [1, 4, 40])
def test_batches_of_all_neighbors_add_up_to_the_loss_of_the_graph(model, degrees, batch_size):
    data = graph(degrees)
    expected = model.loss(data).item()
    loader = NeighborhoodLoader(data, None, include_center=False, batch_size=batch_size)
    assert loss_over(model, loader) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("degrees", [None, [3, 1, 5, 2, 4, 1, 0]])
@pytest.mark.parametrize("num_neighbors", [[-1], [-1, -1]])
def test_vanilla_batches_add_up_to_the_loss_of_the_graph(model, degrees, num_neighbors):
    data = graph(degrees)
    expected = model.loss(data).item()
    # A center without neighbors has no edge that counts, and is no batch of its own.
    loader = vanilla(data, num_neighbors, batch_size=4)
    assert loss_over(model, loader) == pytest.approx(expected, rel=1e-5)


def test_latent_of_centers_from_two_full_hops_is_that_of_the_graph():
    torch.manual_seed(0)
    data = graph([3, 1, 5, 2, 4, 1, 2, 2])
    model = NRAE(GraphSAGE(3, 8, num_layers=2, out_channels=2), nn.Linear(2, 3))
    expected = model.encode(data.x, data.edge_index)

    def latent_of_centers(batch: Data) -> Tensor:
        return model.encode(batch.x, batch.edge_index)[: batch.batch_size]

    loader = vanilla(data, [-1, -1], batch_size=3)
    latent = torch.cat([latent_of_centers(batch) for batch in loader])
    torch.testing.assert_close(latent, expected)


@pytest.mark.parametrize("order", [1, 2])
def test_graph_encoder_learns_from_two_full_hops_as_from_the_graph(order):
    torch.manual_seed(0)
    data = graph([3, 1, 5, 2, 4, 1, 2, 2])
    model = NRAE(GraphSAGE(3, 8, num_layers=2, out_channels=2), mlp([2, 8, 3], "elu"), order)
    model.criterion.reduction = "sum"
    parameters = list(model.parameters())
    expected = torch.autograd.grad(model.loss(data), parameters)

    # Three hops, so that the latents of the neighbors are those of the graph as well.
    batches = vanilla(data, [-1, -1, -1], batch_size=3)
    gradients = [torch.autograd.grad(model.loss(batch), parameters) for batch in batches]

    for parts, whole in zip(zip(*gradients, strict=True), expected, strict=True):
        torch.testing.assert_close(sum(parts), whole, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("batch_size", [1, 4, 40])
def test_autoencoder_loss_over_batches_is_that_of_all_points(batch_size):
    torch.manual_seed(0)
    data = graph()
    model = AE(mlp([3, 16, 1], "elu"), mlp([1, 16, 3], "elu"))
    losses = [
        model.loss(batch).item() for batch in NeighborhoodLoader(data, 2, batch_size=batch_size)
    ]
    assert sum(losses) / len(losses) == pytest.approx(model.loss(data).item(), rel=1e-5)
