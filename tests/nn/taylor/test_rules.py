"""The Taylor rules of containers, linear layers and normalizations against nested autograd."""

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from nrae_geometric.nn import taylor_expand

CONVOLUTIONS = [nn.Conv1d, nn.Conv2d, nn.Conv3d]
TRANSPOSED = [nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d]
INDEX = {
    "few": torch.tensor([2, 0, 2]),
    "many": torch.tensor([1, 0, 1, 1, 0, 1, 2, 2, 0, 2, 1, 0, 1]),
}
CURVED = [nn.Tanh, nn.ELU, nn.GELU, nn.Softplus, nn.ReLU, nn.Sigmoid]


def standardized(x: Tensor, dims: tuple[int, ...], eps: float = 1e-5) -> Tensor:
    """Zero mean and unit variance, written out: PyTorch's fused third derivatives are inexact."""
    centered = x - x.mean(dims, keepdim=True)
    return centered / (centered.square().mean(dims, keepdim=True) + eps).sqrt()


@st.composite
def convolutional_networks(draw: st.DrawFn, dim: int) -> nn.Sequential:
    """Random decoders of convolutions, transposed or not, from two latent dimensions."""
    torch.manual_seed(draw(st.integers(0, 2**31)))
    groups = draw(st.integers(1, 2))
    shape = [groups * draw(st.integers(1, 2)), *(draw(st.integers(3, 4)) for _ in range(dim))]
    network = nn.Sequential(nn.Linear(2, math.prod(shape)), nn.Unflatten(1, shape))
    channels = shape[0]
    for _ in range(draw(st.integers(1, 2))):
        transposed = draw(st.booleans())
        stride = draw(st.integers(1, 2)) if transposed else 1
        kernel_size = draw(st.integers(1, 3))
        network.append(
            (TRANSPOSED if transposed else CONVOLUTIONS)[dim - 1](
                channels,
                channels := groups * draw(st.integers(1, 2)),
                kernel_size=kernel_size,
                stride=stride,
                padding=draw(st.integers(0, min(1, kernel_size - 1))) if transposed else 1,
                groups=groups,
                bias=draw(st.booleans()),
                **({"output_padding": stride - 1} if transposed else {}),
            )
        )
        network.append(draw(st.sampled_from(CURVED))())
    return network.double()


@settings(deadline=None, max_examples=10)
@given(data=st.data(), order=st.sampled_from([1, 2]))
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_random_convolutional_network_is_exact(assert_exact, dim, data, order):
    network = data.draw(convolutional_networks(dim))
    index = INDEX[data.draw(st.sampled_from(sorted(INDEX)), "directions")]
    z, dz = torch.randn(3, 2).double(), torch.randn(len(index), 2).double()
    assert_exact(network, z, dz, order, index)


LAYERS: dict[str, tuple[nn.Module, tuple[int, ...]]] = {
    "linear without bias": (nn.Linear(4, 3, bias=False), (4,)),
    "linear on the last dimension": (nn.Linear(4, 3), (2, 4)),
    "circular padding": (nn.Conv2d(2, 2, 3, padding="same", padding_mode="circular"), (2, 4, 4)),
    "dilation and stride": (nn.Conv1d(2, 3, 2, stride=2, dilation=2), (2, 6)),
    "transposed dilation": (nn.ConvTranspose2d(2, 2, 2, stride=2, dilation=2), (2, 3, 3)),
    "average pooling 1d": (nn.AvgPool1d(2, padding=1), (2, 4)),
    "average pooling 2d": (nn.AvgPool2d(3, stride=1, count_include_pad=False), (2, 4, 4)),
    "average pooling 3d": (nn.AvgPool3d(2), (1, 4, 2, 2)),
    "adaptive pooling 1d": (nn.AdaptiveAvgPool1d(2), (2, 5)),
    "adaptive pooling 2d": (nn.AdaptiveAvgPool2d((1, None)), (2, 4, 3)),
    "adaptive pooling 3d": (nn.AdaptiveAvgPool3d(1), (2, 2, 2, 2)),
    "nearest upsampling": (nn.Upsample(scale_factor=2), (2, 3)),
    "bilinear upsampling": (nn.Upsample((5, 7), mode="bilinear", align_corners=True), (1, 3, 3)),
    "bicubic upsampling": (nn.Upsample(scale_factor=2, mode="bicubic"), (1, 3, 3)),
    "trilinear upsampling": (nn.Upsample(scale_factor=2, mode="trilinear"), (1, 2, 2, 2)),
    "flatten": (nn.Flatten(), (2, 3, 2)),
    "partial flatten": (nn.Flatten(2), (2, 3, 2)),
    "unflatten": (nn.Unflatten(1, (2, 3)), (6,)),
    "pixel shuffle": (nn.PixelShuffle(2), (4, 2, 2)),
    "zero padding": (nn.ZeroPad2d((1, 0, 2, 1)), (1, 2, 2)),
    "identity": (nn.Identity(), (3,)),
    "dropout in evaluation": (nn.Dropout(0.5).eval(), (3,)),
    "dropout without chance": (nn.Dropout(0.0), (3,)),
    "group norm": (nn.GroupNorm(2, 4), (4, 3)),
    "group norm of images": (nn.GroupNorm(1, 2, affine=False), (2, 3, 3)),
    "group norm of vectors": (nn.GroupNorm(2, 6), (6,)),
    "weight norm": (nn.utils.parametrizations.weight_norm(nn.Linear(4, 3)), (4,)),
    "nested": (nn.Sequential(nn.Sequential(nn.Linear(4, 3), nn.Tanh()), nn.Sequential()), (4,)),
}


def in_the_middle(layer: nn.Module, shape: tuple[int, ...]) -> nn.Sequential:
    """The layer between curves, behind two latent dimensions, with random parameters."""
    project = nn.Sequential(nn.Linear(2, math.prod(shape)), nn.Unflatten(1, shape))
    network = nn.Sequential(project, nn.Tanh(), layer, nn.Sigmoid())
    for parameter in layer.parameters():
        nn.init.normal_(parameter)
    return network.double()


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("directions", ["one each", *INDEX])
@pytest.mark.parametrize("name", LAYERS)
def test_layer_is_exact(assert_exact, name, order, directions):
    torch.manual_seed(0)
    index = INDEX.get(directions)
    z, dz = torch.randn(3, 2).double(), torch.randn(3 if index is None else len(index), 2).double()
    assert_exact(in_the_middle(*LAYERS[name]), z, dz, order, index)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize(
    "layer",
    [
        nn.LayerNorm(4),
        nn.LayerNorm((3, 4)),
        nn.LayerNorm(4, eps=0.1, elementwise_affine=False),
        nn.LayerNorm(4, bias=False),
    ],
    ids=str,
)
@pytest.mark.parametrize("num_directions", [1, 4])
def test_layer_norm_is_exact(assert_exact, layer, num_directions, order):
    torch.manual_seed(0)
    network = in_the_middle(layer, (3, 4))

    def written_out(z: Tensor) -> Tensor:
        x = standardized(network[:2](z), tuple(range(-len(layer.normalized_shape), 0)), layer.eps)
        x = x if layer.weight is None else x * layer.weight
        return network[3](x if layer.bias is None else x + layer.bias)

    z, dz = torch.randn(2, 2).double(), torch.randn(2 * num_directions, 2).double()
    assert_exact(network, z, dz, order, reference=written_out)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize(
    ("build", "shape"),
    [
        (nn.BatchNorm1d, (2,)),
        (nn.BatchNorm1d, (2, 3)),
        (nn.BatchNorm2d, (2, 3, 3)),
        (nn.BatchNorm3d, (2, 2, 2, 2)),
    ],
)
@pytest.mark.parametrize("affine", [True, False])
def test_batch_norm_in_evaluation_is_exact(
    assert_exact: Callable[..., None], build, shape, affine, order
):
    torch.manual_seed(0)
    layer = build(2, affine=affine)
    network = in_the_middle(layer, shape).eval()
    layer.running_mean.normal_()
    layer.running_var.uniform_(0.5, 2)
    z, dz = torch.randn(3, 2).double(), torch.randn(6, 2).double()
    assert_exact(network, z, dz, order)


@pytest.mark.parametrize(
    "layer", [nn.BatchNorm1d(2), nn.BatchNorm1d(2, track_running_stats=False).eval()]
)
def test_batch_norm_with_the_statistics_of_a_batch_is_refused(layer):
    with pytest.raises(ValueError, match=r"BatchNorm1d .* call \.eval\(\)"):
        taylor_expand(nn.Sequential(layer), torch.randn(4, 2), torch.randn(4, 2))


@pytest.mark.parametrize(
    ("dropout", "shape"),
    [
        (nn.Dropout(0.5), (64,)),
        (nn.Dropout(0.5, inplace=True), (64,)),
        (nn.Dropout1d(0.5), (64, 2)),
        (nn.Dropout2d(0.5), (64, 2, 2)),
        (nn.Dropout3d(0.5), (64, 2, 2, 2)),
    ],
    ids=str,
)
def test_dropout_in_training_draws_one_mask_for_each_point(dropout, shape):
    torch.manual_seed(0)
    z, dz = torch.ones(2, *shape), torch.ones(6, *shape)

    expansion = taylor_expand(dropout, z, dz, order=2).unflatten(0, (2, 3))

    assert set(expansion.unique().tolist()) == {0.0, 4.0}
    assert torch.equal(expansion, expansion[:, :1].expand_as(expansion))
    assert not torch.equal(expansion[0], expansion[1])
    assert torch.equal(z, torch.ones(2, *shape))
