"""The model against numbers that the published code computed, in float64."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch_geometric.data import Data

from nrae_geometric.nn import NRAE, BinaryKernel, mlp, taylor_expand

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
