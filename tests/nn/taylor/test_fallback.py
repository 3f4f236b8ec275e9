"""Modules without a Taylor rule: differentiated by nested forward mode, and just as exact."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from nrae_geometric.nn import taylor_expand


class Residual(nn.Module):
    """A forward of its own around layers that have rules."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(channels, channels)
        self.norm = nn.GroupNorm(2, channels)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.linear(self.norm(x)).tanh()


class Bilinear(nn.Module):
    """A product of the input with itself, whose second derivative no linear rule would see."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bilinear = nn.Bilinear(channels, channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.bilinear(x, x)


class Gate(nn.Module):
    """A gated linear unit with parameters."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.signal = nn.Linear(channels, channels)
        self.gate = nn.Linear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.signal(x) * self.gate(x).sigmoid()


VECTOR_MODULES = {
    "residual": Residual(4),
    "bilinear": Bilinear(4),
    "gate": Gate(4),
    "prelu": nn.PReLU(),
    "mish": nn.Mish(),
    "log-sigmoid": nn.LogSigmoid(),
    "log-softmax": nn.LogSoftmax(-1),
    "hardswish": nn.Hardswish(),
    "spectral norm": nn.utils.parametrizations.spectral_norm(nn.Linear(4, 4)).eval(),
}
IMAGE_MODULES = {
    "max pooling 1d": (nn.MaxPool1d(2), (2, 4)),
    "max pooling 2d": (nn.MaxPool2d(2), (2, 4, 4)),
    "max pooling 3d": (nn.MaxPool3d(2), (2, 2, 2, 2)),
    "reflection padding": (nn.ReflectionPad2d(1), (2, 3, 3)),
    "power-average pooling": (nn.LPPool2d(2, 2), (2, 4, 4)),
}


@settings(deadline=None, max_examples=5)
@given(
    seed=st.integers(0, 2**31),
    order=st.sampled_from([1, 2]),
    index=st.sampled_from([None, torch.tensor([2, 0, 2, 2])]),
    num_directions=st.sampled_from([1, 8]),
)
@pytest.mark.parametrize("name", VECTOR_MODULES)
def test_module_without_a_rule_is_exact(assert_exact, name, seed, order, index, num_directions):
    torch.manual_seed(seed)
    module = VECTOR_MODULES[name]
    network = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), module, nn.Linear(4, 2), nn.Softplus())
    index = None if index is None else index.repeat(num_directions)
    z, dz = torch.randn(3, 3), torch.randn(3 * num_directions if index is None else len(index), 3)
    assert_exact(network.double(), z.double(), dz.double(), order, index)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("name", IMAGE_MODULES)
@pytest.mark.parametrize("num_directions", [1, 4])
def test_image_module_without_a_rule_is_exact(assert_exact, name, num_directions, order):
    torch.manual_seed(0)
    module, shape = IMAGE_MODULES[name]
    project = nn.Sequential(nn.Linear(2, math.prod(shape)), nn.Unflatten(1, shape))
    network = nn.Sequential(project, nn.Sigmoid(), module, nn.Tanh())
    z, dz = torch.randn(2, 2), torch.randn(2 * num_directions, 2)
    assert_exact(network.double(), z.double(), dz.double(), order)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("index", [None, torch.tensor([1, 0, 1, 1])])
def test_any_callable_is_exact(assert_exact, order, index):
    torch.manual_seed(0)
    z, dz = torch.randn(2, 3).double(), torch.randn(4, 3).double()
    assert_exact(lambda z: (z.sin() * z.flip(1).exp()).cumsum(1), z, dz, order, index)
    assert_exact(torch.sigmoid, z, dz, order, index)


class ResidualNorm(nn.Module):
    """A normalization inside a forward of its own."""

    def __init__(self, norm: nn.Module) -> None:
        super().__init__()
        self.norm = norm

    def forward(self, x: Tensor) -> Tensor:
        return x + self.norm(x)


NORMS = {
    "layer norm": (nn.LayerNorm(4), -1),
    "layer norm of images": (nn.LayerNorm((3, 4), eps=0.1, elementwise_affine=False), (-2, -1)),
    "instance norm": (nn.InstanceNorm1d(3), -1),
    "instance norm with parameters": (nn.InstanceNorm1d(3, affine=True), -1),
    "instance norm that counts": (nn.InstanceNorm1d(3, track_running_stats=True), -1),
}


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("num_directions", [1, 4])
@pytest.mark.parametrize("name", NORMS)
def test_normalization_inside_a_module_is_exact(assert_exact, name, num_directions, order):
    torch.manual_seed(0)
    norm, dims = NORMS[name]
    for parameter in norm.parameters():
        nn.init.normal_(parameter)
    project = nn.Sequential(nn.Linear(2, 12), nn.Tanh(), nn.Unflatten(1, (3, 4)))
    network = nn.Sequential(project, ResidualNorm(norm), nn.Sigmoid()).double()

    def written_out(z: Tensor) -> Tensor:  # PyTorch's fused third derivatives are inexact
        x = network[0](z)
        centered = x - x.mean(dims, keepdim=True)
        normed = centered / (centered.square().mean(dims, keepdim=True) + norm.eps).sqrt()
        if norm.weight is not None:
            shape = (3, 1) if isinstance(norm, nn.InstanceNorm1d) else (4,)
            normed = normed * norm.weight.view(shape) + norm.bias.view(shape)
        return (x + normed).sigmoid()

    z, dz = torch.randn(2, 2).double(), torch.randn(2 * num_directions, 2).double()
    assert_exact(network, z, dz, order, reference=written_out)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("build", [nn.BatchNorm1d, nn.InstanceNorm1d])
def test_running_statistics_inside_a_module_are_exact(assert_exact, build, order):
    torch.manual_seed(0)
    norm = build(3, affine=True, track_running_stats=True).eval()
    norm.running_mean.normal_()
    norm.running_var.uniform_(0.5, 2)
    project = nn.Sequential(nn.Linear(2, 12), nn.Tanh(), nn.Unflatten(1, (3, 4)))
    network = nn.Sequential(project, ResidualNorm(norm), nn.Sigmoid()).double()
    assert_exact(network, torch.randn(3, 2).double(), torch.randn(6, 2).double(), order)


class BatchStatistics(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.batch_norm(x, None, None, training=True)


@pytest.mark.parametrize("norm", [nn.BatchNorm1d(2), BatchStatistics()])
def test_statistics_of_a_batch_inside_a_module_are_refused(norm):
    with pytest.raises(ValueError, match=r"statistics of a batch .* call \.eval\(\)"):
        taylor_expand(ResidualNorm(norm), torch.randn(4, 2), torch.randn(4, 2))


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("num_directions", [1, 8])
@pytest.mark.parametrize("activation", [nn.CELU, nn.Mish, nn.Hardswish])
def test_module_that_works_in_place_is_exact(order, num_directions, activation):
    torch.manual_seed(0)
    linear = nn.Linear(2, 4)
    z, dz = torch.randn(3, 2), torch.randn(3 * num_directions, 2)
    expected = taylor_expand(nn.Sequential(linear, activation()), z, dz, order)
    in_place = nn.Sequential(linear, activation(inplace=True))
    torch.testing.assert_close(taylor_expand(in_place, z, dz, order), expected)


@pytest.mark.parametrize("order", [1, 2])
def test_forward_hooks_take_part(assert_exact, order):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 3)).double()
    network[0].register_forward_pre_hook(lambda module, inputs: (inputs[0] ** 3,))
    network[1].register_forward_hook(lambda module, inputs, output: output * inputs[0])
    network.register_forward_hook(lambda module, inputs, output: output.square())
    z, dz = torch.randn(2, 2).double(), torch.randn(6, 2).double()
    assert_exact(network, z, dz, order)


@pytest.mark.parametrize("order", [1, 2])
def test_removed_hook_no_longer_takes_part(assert_exact, order):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(2, 4), nn.Tanh()).double()
    z, dz = torch.randn(2, 2, 2).double()
    handle = network[0].register_forward_hook(lambda module, inputs, output: output**2)
    hooked = taylor_expand(network, z, dz, order)

    handle.remove()

    assert not torch.allclose(taylor_expand(network, z, dz, order), hooked)
    assert_exact(network, z, dz, order)


def test_points_and_directions_are_left_as_they_were():
    z, dz = torch.randn(2, 3, 4)
    kept = z.clone(), dz.clone()
    for module in (nn.ReLU(inplace=True), nn.CELU(inplace=True), Residual(4)):
        taylor_expand(module, z, dz, order=2)
    assert torch.equal(z, kept[0])
    assert torch.equal(dz, kept[1])
