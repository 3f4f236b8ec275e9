r"""Fixtures of several rooms, and data outside the repository, without which tests skip."""

import math
import os
import signal
from pathlib import Path

import pytest
import torch
from hypothesis import settings
from torch import Tensor, nn
from torch_geometric.data import Data

settings.register_profile("quick", max_examples=10)
# A shell starts what it runs in the background with Ctrl-C switched off, which some tests press.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Beside single tests with the marker: whole programs, rooms whose every test trains a model, and
# searches and expansions that are compared with slow exact ones at many sizes.
SLOW = (
    "callbacks/test_embedding_start.py",
    "cli/test_train.py",
    "cli/test_tune.py",
    "examples/",
    "experiments/",
    "faults/test_kill.py",
    "loader/test_reproducibility.py",
    "neighbors/backends/test_torch.py",
    "neighbors/blocked/",
    "nn/models/test_ordinary_modules.py",
    "nn/taylor/test_expand.py",
    "nn/taylor/test_fallback.py",
    "test_estimator.py",
    "training/test_resume.py",
    "tuning/",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leaves what is slow out of the quick tier."""
    tests = Path(__file__).parent
    for item in items:
        if item.path.relative_to(tests).as_posix().startswith(SLOW):
            item.add_marker(pytest.mark.slow)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says which optional backends the tests were run without."""
    from nrae_geometric.neighbors import available_backends

    for name, reason in available_backends().items():
        if reason is not None:
            terminalreporter.write_line(f"backend {name} not tested: {reason}", yellow=True)


@pytest.fixture(scope="session")
def mnist_root() -> Path:
    r"""The data folder, from NRAE_DATA, with all four MNIST files in it."""
    from nrae_geometric.datasets.mnist import SHA256, mnist_file

    root = Path(os.environ.get("NRAE_DATA") or "~/.cache/nrae_geometric").expanduser()
    try:
        for name in SHA256:
            mnist_file(root, name.removesuffix(".gz"), download=False)
    except FileNotFoundError as error:
        pytest.skip(f"needs MNIST in the folder that NRAE_DATA names: {error}")
    return root


@pytest.fixture(scope="session")
def golden_dir() -> Path:
    r"""The folder of numbers that the published code and torchvision printed."""
    return Path(__file__).parent / "golden"


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
