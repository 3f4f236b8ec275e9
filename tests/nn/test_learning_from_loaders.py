"""The loss on the batches of both loaders, and graph encoders that learn from two hops."""

from collections.abc import Callable, Iterable

import pytest
import torch
from torch import Tensor, nn
from torch_geometric.data import Data
from torch_geometric.loader import NeighborLoader
from torch_geometric.nn import GCN, GraphSAGE

from nrae_geometric.loader import NeighborhoodLoader
from nrae_geometric.nn import AE, NRAE, BinaryKernel, mlp

# PyG warns that torch-sparse makes way for pyg-lib.
pytestmark = pytest.mark.filterwarnings("ignore:Using .NeighborSampler. without")

Loader = Callable[..., Iterable[Data]]
ORDERS = [1, 2]


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


def train(model: AE, loader: Loader, num_epochs: int = 15) -> tuple[float, float]:
    """Returns the mean loss of the first and of the last epoch."""
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    history = []
    for _ in range(num_epochs):
        losses = []
        for batch in loader:
            optimizer.zero_grad()
            loss = model.loss(batch)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        history.append(sum(losses) / len(losses))
    return history[0], history[-1]


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


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(
    "options",
    [
        {"num_neighbors": 2},
        {"num_neighbors": 2, "include_center": False},
        {"num_neighbors": 6, "replace": True},
        {"num_neighbors": None},
    ],
    ids=str,
)
def test_training_on_sampled_neighborhoods_decreases_the_loss(order, options):
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    loader = NeighborhoodLoader(
        graph(), batch_size=10, shuffle=True, generator=generator, **options
    )
    model = NRAE(mlp([3, 16, 1], "elu"), mlp([1, 16, 3], "elu"), order, BinaryKernel(2.0))
    first, last = train(model, loader)
    assert last < 0.7 * first


@pytest.mark.parametrize("order", ORDERS)
def test_training_on_vanilla_batches_decreases_the_loss(order):
    torch.manual_seed(0)
    loader = vanilla(graph(), [3], batch_size=10, shuffle=True)
    model = NRAE(mlp([3, 16, 1], "elu"), mlp([1, 16, 3], "elu"), order)
    first, last = train(model, loader)
    assert last < 0.7 * first


@pytest.mark.parametrize("order", [None, *ORDERS])
@pytest.mark.parametrize("network", [GraphSAGE, GCN])
def test_graph_encoder_learns_from_two_hop_batches(network, order):
    torch.manual_seed(0)
    loader = vanilla(graph(), [3, 3], batch_size=10, shuffle=True)
    networks = network(3, 16, num_layers=2, out_channels=1), mlp([1, 16, 3], "elu")
    model = AE(*networks) if order is None else NRAE(*networks, order)
    first, last = train(model, loader)
    assert last < 0.9 * first


@pytest.mark.parametrize("order", ORDERS)
def test_graph_encoder_learns_from_the_whole_graph(order):
    torch.manual_seed(0)
    model = NRAE(GCN(3, 16, num_layers=2, out_channels=1), mlp([1, 16, 3], "elu"), order)
    first, last = train(model, [graph()], num_epochs=60)
    assert last < 0.9 * first


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
