"""NRAE against numbers that the published code computed in float64, and its settings."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch_geometric.data import Data

from nrae_geometric.datasets import SinCurve
from nrae_geometric.loader import NeighborhoodLoader
from nrae_geometric.nn import (
    AE,
    NRAE,
    BinaryKernel,
    GaussianKernel,
    NeighborhoodReconstruction,
    mlp,
    taylor_expand,
)
from nrae_geometric.registry import MODELS
from nrae_geometric.transforms import KNNGraph

CASES = [
    "linear_elu",
    "linear_image_relu_sigmoid",
    "quadratic_elu",
    "quadratic_image_relu_sigmoid",
    "quadratic_softplus_sigmoid",
]


class Case:
    """One published training batch: the data, the model with its parameters, the results."""

    def __init__(self, path: Path) -> None:
        with np.load(path, allow_pickle=False) as arrays:
            self.golden: dict[str, Any] = {
                name: torch.from_numpy(array) if array.dtype.kind == "f" else array.item()
                for name, array in arrays.items()
            }
        self.x_center: Tensor = self.golden["x_center"]
        self.x_neighbor: Tensor = self.golden["x_neighbor"]
        self.num_neighbors = self.x_neighbor.size(1)
        self.linear: dict[str, nn.Linear] = {}

        encoder = self._network("encoder", "linear")
        decoder = self._network("decoder", self.golden["out_activation"])
        self.kernel = BinaryKernel(self.golden["lambda"].item())
        self.model = NRAE(
            nn.Sequential(nn.Flatten(), encoder),
            nn.Sequential(decoder, nn.Unflatten(1, self.x_center.shape[1:])),
            self.golden["order"],
            self.kernel,
        )

    def _network(self, name: str, out_activation: str) -> nn.Sequential:
        weights = [self.golden[f"{name}.{i}.weight"] for i in range(3)]
        channels = [weights[0].size(1), *(weight.size(0) for weight in weights)]
        network = mlp(channels, self.golden["activation"], out_activation).double()
        for i, layer in enumerate(layer for layer in network if isinstance(layer, nn.Linear)):
            layer.weight.data.copy_(weights[i])
            layer.bias.data.copy_(self.golden[f"{name}.{i}.bias"])
            self.linear[f"{name}.{i}"] = layer
        return network

    def batch(self) -> Data:
        """The centers first, then the neighbors, with an edge from each to its center."""
        num_centers = self.x_center.size(0)
        x = torch.cat([self.x_center, self.x_neighbor.flatten(0, 1)])
        center = torch.arange(num_centers).repeat_interleave(self.num_neighbors)
        neighbor = torch.arange(num_centers, x.size(0))
        return Data(x=x, edge_index=torch.stack([neighbor, center]), batch_size=num_centers)


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest, golden_dir: Path) -> Case:
    return Case(golden_dir / f"{request.param}.npz")


def assert_equal_to(actual: Tensor, golden: Tensor) -> None:
    torch.testing.assert_close(actual, golden, rtol=1e-9, atol=1e-9)


def test_loss_is_the_published_one(case):
    assert_equal_to(case.model.loss(case.batch()).detach(), case.golden["loss"])


def test_gradient_of_every_parameter_is_the_published_one(case):
    case.model.loss(case.batch()).backward()

    assert sum(1 for _ in case.model.parameters()) == 2 * len(case.linear)
    for name, layer in case.linear.items():
        assert_equal_to(layer.weight.grad, case.golden[f"{name}.weight.grad"])
        assert_equal_to(layer.bias.grad, case.golden[f"{name}.bias.grad"])


def test_neighborhood_reconstruction_is_the_published_one(case):
    z = case.model.encode(case.x_center)
    z_neighbor = case.model.encode(case.x_neighbor.flatten(0, 1))
    dz = z_neighbor - z.repeat_interleave(case.num_neighbors, 0)

    recon = taylor_expand(case.model.decoder, z, dz, case.model.order)

    assert_equal_to(
        recon.view_as(case.golden["neighborhood_recon"]), case.golden["neighborhood_recon"]
    )


def test_kernel_weights_are_the_published_ones(case):
    x_center = case.x_center.repeat_interleave(case.num_neighbors, 0)
    weights = case.kernel(x_center, case.x_neighbor.flatten(0, 1))
    assert_equal_to(weights.view_as(case.golden["weights"]), case.golden["weights"])


def networks() -> tuple[nn.Sequential, nn.Sequential]:
    return mlp([3, 4, 2], "elu"), mlp([2, 4, 3], "elu")


@pytest.mark.parametrize("order", [1, 2])
def test_loss_is_the_neighborhood_reconstruction_of_the_centers(order):
    kernel = BinaryKernel(7.0)
    model = NRAE(*networks(), order, kernel)
    x, edge_index = torch.randn(5, 3), torch.randint(5, (2, 20))
    edge_index[1, :2] = 0

    loss = model.loss(Data(x=x, edge_index=edge_index, batch_size=2))

    counted = edge_index[:, edge_index[1] < 2]
    expected = NeighborhoodReconstruction(order, kernel)(model.decoder, model.encode(x), x, counted)
    torch.testing.assert_close(loss, expected)


def test_batch_without_a_graph_is_refused():
    with pytest.raises(ValueError, match="the batch has no edge_index"):
        NRAE(*networks()).loss(Data(x=torch.randn(4, 3)))


def test_order_is_known():
    assert NRAE(*networks()).order == 1
    assert NRAE(*networks(), order=2).order == 2
    with pytest.raises(ValueError, match="order must be 1 or 2"):
        NRAE(*networks(), order=3)


BINARY = {"type": "binary", "lambda": 3.0}
GAUSSIAN = {"type": "gaussian", "bandwidth": 0.5}


@pytest.mark.parametrize(
    ("settings", "order", "kernel"),
    [
        ({"arch": "nrael", "kernel": BINARY}, 1, BinaryKernel(3.0)),
        ({"arch": "nraeq", "kernel": GAUSSIAN}, 2, GaussianKernel(0.5)),
        ({"arch": "nrae"}, 1, BinaryKernel(10.0)),
        ({"arch": "nrae", "order": 2, "neighbor_weight": 3.0}, 2, BinaryKernel(3.0)),
    ],
    ids=str,
)
def test_settings_build_the_model(settings, order, kernel):
    settings = MODELS[settings["arch"]].model_validate(settings)
    encoder, decoder = networks()

    model = settings.build(encoder, decoder)

    assert type(model) is NRAE
    assert model.encoder is encoder
    assert model.decoder is decoder
    assert model.order == settings.expansion_order == order
    assert repr(model.criterion.kernel) == repr(kernel)
    assert settings.needs_graph
    assert settings.title == f"NRAE-{'LQ'[order - 1]}"


def test_settings_to_try_are_valid():
    trial = pytest.importorskip("optuna").trial.FixedTrial({"order": 2, "neighbor_weight": 50.0})
    settings = MODELS["nrae"].model_validate(MODELS["nrae"].search_space(trial))
    assert settings.build(*networks()).criterion.kernel.weight == 50.0


@pytest.mark.slow
def test_it_is_less_misled_by_noise_than_the_autoencoder():
    """The denoising experiment of the paper, with a smaller network and all points in a batch."""
    curve = SinCurve(num_nodes=50, noise=0.3, seed=0)
    data, clean = KNNGraph(k=10)(curve[0]), curve.manifold(200).x
    errors = {}
    for name in ("ae", "nrael"):
        torch.manual_seed(0)
        model = AE(mlp([2, 128, 128, 1], "elu"), mlp([1, 128, 128, 2], "elu"))
        if name == "nrael":
            model = NRAE(model.encoder, model.decoder, order=1, kernel=BinaryKernel(100.0))
        loader = NeighborhoodLoader(data, 2, include_center=False, replace=True, batch_size=50)
        optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
        for _ in range(2500):
            for batch in loader:
                optimizer.zero_grad()
                model.loss(batch).backward()
                optimizer.step()
        with torch.no_grad():
            errors[name] = (model(clean) - clean).square().sum(1).mean().item()
    assert errors["nrael"] < 0.7 * errors["ae"]
