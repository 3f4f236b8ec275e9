import math

import pytest
import torch
from torch import Tensor, nn
from torch_geometric.data import Data


class TinyAutoencoder(nn.Module):
    """A smooth float64 autoencoder written here, so that tests do not trust the package's own."""

    def __init__(self, encoder: nn.Module, decoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder

    def encode(self, x: Tensor, edge_index: Tensor | None = None) -> Tensor:
        return self.encoder(x)

    def decode(self, z: Tensor) -> Tensor:
        return self.decoder(z)


@pytest.fixture
def autoencoder() -> TinyAutoencoder:
    torch.manual_seed(0)
    encoder = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
    decoder = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Dropout(0.5), nn.Linear(8, 2))
    return TinyAutoencoder(encoder, decoder).double()


@pytest.fixture
def image_autoencoder() -> TinyAutoencoder:
    torch.manual_seed(0)
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(36, 1))
    decoder = nn.Sequential(nn.Linear(1, 36), nn.Sigmoid(), nn.Unflatten(1, (1, 6, 6)))
    return TinyAutoencoder(encoder, decoder)


@pytest.fixture
def manifold() -> Tensor:
    t = torch.linspace(-math.pi, math.pi, 50)
    return torch.stack([t, t.sin()], dim=1)


@pytest.fixture
def planar_data(manifold: Tensor) -> Data:
    """Twelve points on a sine; each has the next two along the curve for neighbors."""
    y = torch.linspace(-3, 3, 12)
    target = torch.arange(12).repeat_interleave(2)
    source = (target + torch.tensor([1, 2]).repeat(12)) % 12
    edge_index = torch.stack([source, target])
    return Data(x=torch.stack([y, y.sin()], dim=1), y=y, edge_index=edge_index)


@pytest.fixture
def image_data() -> Data:
    generator = torch.Generator().manual_seed(0)
    return Data(x=torch.rand(7, 1, 6, 6, generator=generator), y=torch.arange(7.0))
