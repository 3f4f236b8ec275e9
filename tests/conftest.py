r"""Fixtures of several rooms, and data outside the repository, without which tests skip."""

import logging
import math
import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import settings
from torch import Tensor, nn
from torch.autograd.functional import jvp
from torch_geometric.data import Data

settings.register_profile("quick", max_examples=10)
# A shell starts what it runs in the background with Ctrl-C switched off, which some tests press.
signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP"):  # and nohup without the one of a closed terminal
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

# Beside single tests with the marker: whole programs, rooms whose every test trains a model, and
# searches and expansions that are compared with slow exact ones at many sizes.
SLOW = (
    "callbacks/test_embedding_start.py",
    "callbacks/test_folds.py",
    "cli/test_embed.py",
    "cli/test_ending.py",
    "cli/test_export.py",
    "cli/test_fit.py",
    "cli/test_report.py",
    "cli/test_train.py",
    "cli/test_tune.py",
    "estimator/",
    "examples/",
    "experiments/",
    "faults/",
    "loader/test_reproducibility.py",
    "neighbors/backends/test_torch.py",
    "neighbors/blocked/",
    "nn/models/test_ordinary_modules.py",
    "nn/taylor/test_expand.py",
    "nn/taylor/test_fallback.py",
    "report/",
    "test_defaults.py",
    "test_estimator.py",
    "test_export.py",
    "test_persistence.py",
    "test_streamed_transformer.py",
    "test_trained_transformer.py",
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


def _expand(
    function: Callable[[Tensor], Tensor],
    z: Tensor,
    dz: Tensor,
    order: int = 1,
    index: Tensor | None = None,
) -> Tensor:
    if index is None:
        index = torch.arange(z.size(0)).repeat_interleave(dz.size(0) // z.size(0))
    point = z[index]

    def slope(point: Tensor) -> Tensor:
        return jvp(function, point, dz, create_graph=True)[1]

    expansion = function(point) + slope(point)
    if order == 2:
        expansion = expansion + 0.5 * jvp(slope, point, dz, create_graph=True)[1]
    return expansion


@pytest.fixture(scope="session")
def nested_autograd() -> Callable[..., Tensor]:
    """Takes what `taylor_expand` takes, and repeats the function for every direction."""
    return _expand


@pytest.fixture(scope="session")
def assert_exact() -> Callable[..., None]:
    """Compares `taylor_expand` with nested autograd: values, and the gradients of all inputs."""
    from nrae_geometric.nn import taylor_expand

    def check(
        module: Callable[[Tensor], Tensor],
        z: Tensor,
        dz: Tensor,
        order: int,
        index: Tensor | None = None,
        reference: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        parameters = list(module.parameters()) if isinstance(module, nn.Module) else []
        inputs = [z.detach().requires_grad_(), dz.detach().requires_grad_(), *parameters]
        actual = taylor_expand(module, *inputs[:2], order, index)
        expected = _expand(reference or module, *inputs[:2], order, index)
        cotangent = torch.randn_like(expected)

        assert_close = torch.testing.assert_close
        assert_close(actual, expected, rtol=1e-9, atol=1e-9)
        for gradients in zip(
            _gradients(actual, inputs, cotangent),
            _gradients(expected, inputs, cotangent),
            strict=True,
        ):
            assert_close(*gradients, rtol=1e-9, atol=1e-9)

    return check


def _gradients(output: Tensor, inputs: list[Tensor], cotangent: Tensor) -> tuple[Tensor, ...]:
    return torch.autograd.grad(output, inputs, cotangent, allow_unused=True, materialize_grads=True)


def _by_differences(
    function: Callable[[Tensor], Tensor], z: Tensor, dz: Tensor, order: int
) -> Tensor:
    """The expansion by central differences of fourth order, which know nothing of derivatives."""
    step = 2e-3
    two_back, back, ahead, two_ahead = (function(z + k * step * dz) for k in (-2, -1, 1, 2))
    value = function(z)
    first = (two_back - 8 * back + 8 * ahead - two_ahead) / (12 * step)
    if order == 1:
        return value + first
    second = (-two_back + 16 * back - 30 * value + 16 * ahead - two_ahead) / (12 * step**2)
    return value + first + 0.5 * second


@pytest.fixture(scope="session")
def by_differences() -> Callable[..., Tensor]:
    """Expands a function around points, in float64, along one direction from each."""
    return _by_differences


@pytest.fixture(scope="session")
def new_estimator() -> Callable[..., Any]:
    """Makes small estimators of a line, trained for two epochs."""
    from nrae_geometric.estimator import ManifoldAutoencoder

    defaults = {
        "n_components": 1,
        "n_neighbors": 3,
        "hidden_layer_sizes": (8,),
        "max_epochs": 2,
        "random_state": 0,
        "device": "cpu",
    }
    return lambda **parameters: ManifoldAutoencoder(**{**defaults, **parameters})


@pytest.fixture(scope="session")
def tiny(new_estimator: Callable[..., Any]) -> Callable[..., Any]:
    """Makes the same without the geodesic start, which takes longer than two epochs."""
    return partial(new_estimator, init="random")


@pytest.fixture(scope="session")
def points() -> Any:
    """Thirty points of a spiral, ``[30, 2]``."""
    from nrae_geometric.datasets import SwissRoll

    return SwissRoll(30, seed=0)[0].x.numpy()


@pytest.fixture
def no_warnings_about_random_points(caplog: pytest.LogCaptureFixture) -> None:
    """Hides what points without a manifold make the library say."""
    caplog.set_level(logging.ERROR)
