"""Guarantee: a decoder that mixes points, or draws numbers for each direction, is never expanded
as if it did not.
"""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from networks import Calls
from torch import Tensor, nn
from torch_geometric.data import Data

from nrae_geometric.nn import NRAE, mlp, taylor_expand
from nrae_geometric.training import Trainer


def sequence(function: Callable[..., Tensor], *modules: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Unflatten(1, (2, 4)), Calls(function, *modules), nn.Flatten())


LEGITIMATE = torch.ops.aten._native_batch_norm_legit
NO_STATISTICS = (None, None, None, None, True, 0.1, 1e-5)
MIXING: dict[str, nn.Module] = {
    "batch norm": nn.BatchNorm1d(8),
    "batch norm without statistics": nn.BatchNorm1d(8, track_running_stats=False).eval(),
    "batch norm inside": Calls(lambda x, norm: norm(x), nn.BatchNorm1d(8)),
    "function": Calls(lambda x: F.batch_norm(x, None, None, training=True)),
    "function of torch": Calls(lambda x: torch.batch_norm(x, *NO_STATISTICS, False)),
    "native": Calls(lambda x: torch.native_batch_norm(x, *NO_STATISTICS)[0]),
    "operation": Calls(lambda x: torch.ops.aten.native_batch_norm(x, *NO_STATISTICS)[0]),
    "legitimate": Calls(
        lambda x: torch.ops.aten._native_batch_norm_legit.no_stats(x, None, None, True, 0.1, 1e-5)[
            0
        ]
    ),
    "as instances": Calls(lambda x: F.instance_norm(x.T[None])[0].T),
    "as a layer": Calls(lambda x: F.layer_norm(x.T, [x.size(0)]).T),
    "by hand": Calls(lambda x: x - x.mean(dim=0)),
    "scale by hand": Calls(lambda x: x / x.std(dim=0)),
    "scripted": torch.jit.script(nn.Sequential(nn.BatchNorm1d(8))),
    "softmax": nn.Softmax(dim=0),
    "softmax from the end": nn.Softmax(dim=-2),
    "softmax inside": Calls(lambda x: x.softmax(0)),
    "layer norm": nn.Sequential(nn.Unflatten(1, (8,)), nn.LayerNorm((6, 8))),
    "flattened": nn.Sequential(nn.Flatten(0), nn.Unflatten(0, (-1, 8))),
    "sum": Calls(lambda x: x + x.sum()),
    "cumulative sum": Calls(lambda x: x.cumsum(0)),
    "cumulative sum from the end": Calls(lambda x: x.flip(0).cumsum(0).flip(0)),
    "roll": Calls(lambda x: x.roll(1, 0)),
    "flip": Calls(lambda x: x.flip(0)),
    "product": Calls(lambda x: x @ x.T @ x),
    "attention over the batch": sequence(
        lambda x, layer: layer(x, x, x)[0], nn.MultiheadAttention(4, 2)
    ),
    "transformer over the batch": sequence(
        lambda x, layer: layer(x), nn.TransformerEncoderLayer(4, 2, 8, dropout=0)
    ),
    "recurrence over the batch": sequence(lambda x, layer: layer(x)[0], nn.LSTM(4, 4)),
    "recurrence from the end": sequence(lambda x, layer: layer(x.flip(0))[0].flip(0), nn.GRU(4, 4)),
}


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("directions", ["one", "some", "axes", "index"])
@pytest.mark.parametrize("name", MIXING)
def test_decoder_that_mixes_points_is_refused_by_name(name, directions, order):
    torch.manual_seed(0)
    decoder = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), MIXING[name], nn.Linear(8, 2))
    index = torch.tensor([5, 0, 0, 2, 3, 3, 1, 4]) if directions == "index" else None
    num_directions = {"one": 6, "some": 12, "axes": 90, "index": 8}[directions]
    message = "statistics of a batch|mixes the rows|acts across the rows|another number of rows"
    with pytest.raises(ValueError, match=message):
        taylor_expand(decoder, torch.randn(6, 3), torch.randn(num_directions, 3), order, index)


RANDOM: dict[str, Callable[[], nn.Module]] = {
    "dropout inside": lambda: Calls(lambda x, drop: x + drop(x), nn.Dropout(0.5)),
    "function": lambda: Calls(lambda x: F.dropout(x, 0.5)),
    "alpha": lambda: nn.AlphaDropout(0.5),
    "slope": nn.RReLU,
    "noise": lambda: Calls(lambda x: x * torch.randn_like(x)),
    "random weights": lambda: Calls(lambda x: x @ torch.randn(8, 8).to(x)),
    "scripted": lambda: torch.jit.script(nn.Sequential(nn.Dropout(0.5))),
    "attention": lambda: sequence(
        lambda x, layer: layer(x, x, x)[0], nn.MultiheadAttention(4, 2, 0.5, batch_first=True)
    ),
    "dot product": lambda: sequence(
        lambda x: F.scaled_dot_product_attention(x, x, x, dropout_p=0.5)
    ),
    "transformer": lambda: sequence(
        lambda x, layer: layer(x),
        nn.TransformerEncoderLayer(4, 2, 8, batch_first=True, activation="gelu"),
    ),
}


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("index", [None, torch.tensor([2, 0, 2, 2, 0])])
@pytest.mark.parametrize("name", RANDOM)
def test_point_has_one_random_network_for_all_directions(by_differences, name, index, order):
    torch.manual_seed(0)
    decoder = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), RANDOM[name](), nn.Linear(8, 2)).double()
    z = torch.randn(3, 2).double()
    dz = torch.randn(6 if index is None else 5, 2).double()
    owner = torch.arange(3).repeat_interleave(2) if index is None else index

    torch.manual_seed(1)
    expansion = taylor_expand(decoder, z, dz, order, index)
    state = torch.get_rng_state()

    def drawn(points: Tensor) -> Tensor:
        torch.manual_seed(1)
        return decoder(points)

    for row, point in enumerate(owner.tolist()):
        moves = torch.zeros_like(z)
        moves[point] = dz[row]
        expected = by_differences(drawn, z, moves, order)[point]
        torch.testing.assert_close(expansion[row], expected, rtol=1e-5, atol=1e-5)
    drawn(z)
    assert torch.equal(state, torch.get_rng_state())  # as if the decoder had been called once


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x * torch.rand(x.shape, generator=torch.Generator().manual_seed(len(x))),
        lambda x: x + torch.arange(len(x))[:, None],
    ],
    ids=["own generator", "place in the batch"],
)
@pytest.mark.parametrize("num_directions", [2, 5])
def test_equal_rows_with_other_values_are_refused_by_name(function, num_directions):
    with pytest.raises(ValueError, match="other values for equal rows"):
        taylor_expand(function, torch.randn(4, 9), torch.randn(4 * num_directions, 9), 2)


class Counts(nn.Module):
    """Counts its calls, and normalizes by a running mean."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: Tensor
        self.mean: Tensor
        self.register_buffer("calls", torch.zeros(()))
        self.register_buffer("mean", torch.zeros(8))

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        with torch.no_grad():
            self.mean.lerp_(x.mean(dim=0), 0.1)
        return (x - self.mean) ** 2


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("num_directions", [1, 2, 9])
def test_state_changes_once_in_an_expansion(order, num_directions):
    layer = Counts()
    decoder = nn.Sequential(nn.Linear(2, 8), layer)
    taylor_expand(decoder, torch.randn(4, 2), torch.randn(4 * num_directions, 2), order)
    assert layer.calls == 1
    assert layer.mean.abs().sum() > 0


def test_spectral_norm_in_training_uses_one_weight(nested_autograd):
    torch.manual_seed(0)
    norm = nn.utils.parametrizations.spectral_norm
    layer = Calls(lambda x, linear: linear(x).sin(), norm(nn.Linear(2, 3)))
    layer = layer.double()
    z, dz = torch.randn(4, 2).double(), torch.randn(8, 2).double()
    expansion = taylor_expand(layer, z, dz, 2)
    with torch.no_grad():
        layer.eval()  # the same vectors as in the call before
    torch.testing.assert_close(expansion, nested_autograd(layer, z, dz, 2))


def test_frozen_batch_norm_is_trained_with():
    torch.manual_seed(0)
    decoder = nn.Sequential(nn.Linear(1, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 2))
    model = NRAE(mlp([2, 4, 1], "elu"), decoder, 2)
    batch = Data(x=torch.randn(8, 2), edge_index=torch.randint(8, (2, 30)), batch_size=8)
    trainer = Trainer(2, progress=False, device="cpu")
    with pytest.raises(ValueError, match=r"call \.eval\(\) on it .* before training: Trainer"):
        trainer.fit(model, [batch])

    decoder[1].eval()
    trainer.fit(model, [batch])

    assert not decoder[1].training
    assert decoder[0].training
