"""Guarantee: decoders of any kind are expanded exactly, in both orders, with their gradients."""

import threading
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import Calls, attention, recurrent, transformer
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from torch_geometric.data import Data

from nrae_geometric.nn import NRAE, BinaryKernel, mlp, taylor_expand

SEQUENCE, IMAGE, VECTOR = (3, 8), (4, 4, 4), (8,)


def causal(x: Tensor, layer: nn.Module) -> Tensor:
    mask = nn.Transformer.generate_square_subsequent_mask(3, dtype=x.dtype)
    return layer(x, x, x, attn_mask=mask, is_causal=True, need_weights=False)[0]


def packed(x: Tensor, layer: nn.LSTM) -> Tensor:
    lengths = [x.size(1)] * len(x)
    sequence = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True)
    return nn.utils.rnn.pad_packed_sequence(layer(sequence)[0], batch_first=True)[0]


def recomputed(x: Tensor, layer: nn.Module) -> Tensor:
    return checkpoint(layer, x, use_reentrant=False)


LAYERS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "attention": (attention, SEQUENCE),
    "attention without weights": (lambda: attention(need_weights=False), SEQUENCE),
    "attention with weights of each head": (
        lambda: attention(average_attn_weights=False),
        SEQUENCE,
    ),
    "causal attention": (
        lambda: Calls(causal, nn.MultiheadAttention(8, 2, batch_first=True)),
        SEQUENCE,
    ),
    "scaled dot product": (
        lambda: Calls(lambda x: F.scaled_dot_product_attention(x, x, x.tanh())),
        SEQUENCE,
    ),
    "causal dot product": (
        lambda: Calls(lambda x: F.scaled_dot_product_attention(x, x, x, is_causal=True, scale=0.3)),
        SEQUENCE,
    ),
    "transformer": (transformer, SEQUENCE),
    "transformer in evaluation": (lambda: transformer(dropout=0.5).eval(), SEQUENCE),
    "transformer, norm first": (lambda: transformer(norm_first=True), SEQUENCE),
    "transformer stack": (
        lambda: nn.TransformerEncoder(transformer(), 2, norm=nn.LayerNorm(8)).eval(),
        SEQUENCE,
    ),
    "transformer decoder": (
        lambda: Calls(
            lambda x, layer: layer(x, x.flip(1)),
            nn.TransformerDecoderLayer(8, 2, 16, dropout=0, batch_first=True, activation="gelu"),
        ),
        SEQUENCE,
    ),
    "LSTM": (lambda: recurrent(nn.LSTM), SEQUENCE),
    "LSTM of two layers in two directions": (
        lambda: recurrent(nn.LSTM, num_layers=2, bidirectional=True),
        SEQUENCE,
    ),
    "LSTM with a projection": (lambda: recurrent(nn.LSTM, proj_size=2), SEQUENCE),
    "LSTM of packed sequences": (
        lambda: Calls(packed, nn.LSTM(8, 5, batch_first=True)),
        SEQUENCE,
    ),
    "GRU": (lambda: recurrent(nn.GRU, bidirectional=True), SEQUENCE),
    "RNN": (lambda: recurrent(nn.RNN), SEQUENCE),
    "RNN without bias": (lambda: recurrent(nn.RNN, bias=False), SEQUENCE),
    "LSTM cell": (lambda: Calls(lambda x, cell: cell(x)[0], nn.LSTMCell(8, 5)), VECTOR),
    "GRU cell": (lambda: nn.GRUCell(8, 5), VECTOR),
    "gated linear unit": (nn.GLU, VECTOR),
    "bilinear": (lambda: Calls(lambda x, f: f(x, x.tanh()), nn.Bilinear(8, 8, 3)), VECTOR),
    "layer norm": (lambda: nn.LayerNorm(8), VECTOR),
    "layer norm inside": (lambda: Calls(lambda x, n: x + n(x), nn.LayerNorm(8)), VECTOR),
    "layer norm of torch": (lambda: Calls(lambda x: torch.layer_norm(x, [8])), VECTOR),
    "layer norm of aten": (
        lambda: Calls(lambda x: torch.ops.aten.native_layer_norm(x, [8], None, None, 1e-5)[0]),
        VECTOR,
    ),
    "root mean square norm": (lambda: nn.RMSNorm(8), VECTOR),
    "group norm inside": (lambda: Calls(lambda x, n: x * n(x), nn.GroupNorm(2, 8)), VECTOR),
    "instance norm": (lambda: nn.InstanceNorm2d(4, affine=True), IMAGE),
    "instance norm of torch": (
        lambda: Calls(
            lambda x: torch.instance_norm(x, None, None, None, None, True, 0.1, 1e-5, False)
        ),
        IMAGE,
    ),
    "local response": (lambda: nn.LocalResponseNorm(2), IMAGE),
    "unit vectors": (lambda: Calls(lambda x: F.normalize(x, dim=-1)), VECTOR),
    "cosine": (
        lambda: Calls(lambda x: F.cosine_similarity(x, x.flip(1) ** 2 + 0.1)[:, None]),
        VECTOR,
    ),
    "einsum": (
        lambda: Calls(lambda x: torch.einsum("nij,nkj->nik", x, x.tanh())),
        SEQUENCE,
    ),
    "distances": (lambda: Calls(lambda x: torch.cdist(x, x.flip(1) + 1.3)), SEQUENCE),
    "polar": (
        lambda: Calls(lambda x: torch.view_as_real(torch.polar(x, x.flip(1)))),
        VECTOR,
    ),
    "weight norm of the input": (
        lambda: Calls(lambda x: torch._weight_norm(x, x[:, :1].exp() + 1, 0)),
        VECTOR,
    ),
    "solution": (
        lambda: Calls(lambda x: torch.linalg.solve(x @ x.mT + torch.eye(3).to(x), x)),
        SEQUENCE,
    ),
    "determinant": (
        lambda: Calls(lambda x: torch.linalg.det(x @ x.mT + torch.eye(3).to(x))[:, None]),
        SEQUENCE,
    ),
    "Fourier": (lambda: Calls(lambda x: torch.fft.rfft(x + 2).abs()), VECTOR),
    "checkpoint": (
        lambda: Calls(
            recomputed, nn.Sequential(nn.Linear(8, 8), nn.Tanh(), nn.LayerNorm(8), nn.GELU())
        ),
        VECTOR,
    ),
    "branches": (lambda: Calls(lambda x: torch.where(x > 0, x.square(), x.exp())), VECTOR),
}


def behind_two_coordinates(layer: nn.Module, shape: tuple[int, ...]) -> nn.Module:
    torch.manual_seed(0)
    size = torch.Size(shape).numel()
    before = nn.Sequential(nn.Linear(2, size), nn.Tanh(), nn.Unflatten(1, shape))
    decoder = nn.Sequential(before, layer, nn.Flatten(), nn.LazyLinear(2), nn.Tanh())
    decoder = decoder.double()
    decoder(torch.randn(2, 2).double())
    return decoder


def assert_agrees(
    by_differences: Callable[..., Tensor], decoder: nn.Module, order: int, num_directions: int
) -> None:
    """Compares values, and the gradient along a random change of points and directions."""
    z = torch.randn(3, 2).double() / 2
    dz = torch.randn(3 * num_directions, 2).double()
    owner = torch.arange(3).repeat_interleave(num_directions)
    inputs = [z.requires_grad_(), dz.requires_grad_()]
    expansion = taylor_expand(decoder, *inputs, order)
    cotangent, (move_z, move_dz) = torch.randn_like(expansion), map(torch.randn_like, inputs)
    gradients = torch.autograd.grad((expansion * cotangent).sum(), inputs)
    slope = sum((g * m).sum() for g, m in zip(gradients, (move_z, move_dz), strict=True))

    with torch.no_grad():

        def loss(t: float) -> Tensor:
            points = (z + t * move_z)[owner]
            return (by_differences(decoder, points, dz + t * move_dz, order) * cotangent).sum()

        expected = by_differences(decoder, z[owner], dz, order)
        step = 2e-3
        expected_slope = (loss(-2 * step) - 8 * loss(-step) + 8 * loss(step) - loss(2 * step)) / (
            12 * step
        )

    torch.testing.assert_close(expansion, expected, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(slope, expected_slope, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("num_directions", [1, 6])
@pytest.mark.parametrize("name", LAYERS)
def test_decoder_is_exact(by_differences, name, num_directions, order):
    build, shape = LAYERS[name]
    assert_agrees(by_differences, behind_two_coordinates(build(), shape), order, num_directions)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("name", LAYERS)
def test_single_precision_is_near_to_double(name, order):
    build, shape = LAYERS[name]
    decoder = behind_two_coordinates(build(), shape)
    z, dz = torch.randn(3, 2).double() / 2, torch.randn(6, 2).double()
    expected = taylor_expand(decoder, z, dz, order)
    actual = taylor_expand(decoder.float(), z.float(), dz.float(), order)
    torch.testing.assert_close(actual.double(), expected, rtol=1e-3, atol=1e-3)


PLAIN = {
    "linear": lambda: nn.Linear(8, 8),
    "elu": nn.ELU,
    "gelu": lambda: nn.GELU("tanh"),
    "softplus": lambda: nn.Softplus(2.0),
    "softmax": lambda: nn.Softmax(-1),
    "silu": nn.SiLU,
    "group norm": lambda: nn.GroupNorm(2, 8),
    "layer norm": lambda: nn.LayerNorm(8),
    "batch norm": lambda: nn.BatchNorm1d(8).eval(),
    "gate": lambda: Calls(lambda x, a, b: a(x) * b(x).sigmoid(), nn.Linear(8, 8), nn.Linear(8, 8)),
    "residual": lambda: Calls(lambda x, a: x + a(x).sin(), nn.Linear(8, 8)),
    "attention": lambda: nn.Sequential(nn.Unflatten(1, (2, 4)), Attends(), nn.Flatten()),
    "recurrent": lambda: nn.Sequential(
        nn.Unflatten(1, (2, 4)),
        Calls(lambda x, layer: layer(x)[0], nn.GRU(4, 4, batch_first=True)),
        nn.Flatten(),
    ),
}


class Attends(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(x, x.sin(), x)


@settings(deadline=None, max_examples=40, derandomize=True)
@given(
    layers=st.lists(st.sampled_from(sorted(PLAIN)), min_size=1, max_size=4),
    order=st.sampled_from([1, 2]),
    num_directions=st.integers(1, 6),
    seed=st.integers(0, 2**16),
)
def test_any_small_network_is_exact(by_differences, layers, order, num_directions, seed):
    torch.manual_seed(seed)
    hidden = nn.Sequential(*(PLAIN[name]() for name in layers))
    decoder = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), hidden, nn.Linear(8, 2)).double()
    assert_agrees(by_differences, decoder, order, num_directions)


REFUSED = {
    "LSTM alone": (lambda: nn.LSTM(8, 5, batch_first=True), SEQUENCE, "LSTM returns a tuple of 2"),
    "dictionary": (lambda: Calls(lambda x: {"x": x}), VECTOR, "Calls returns a dict of 1"),
    "two tensors": (lambda: Calls(lambda x: (x, x)), VECTOR, "Calls returns a tuple of 2"),
    "one number": (lambda: Calls(lambda x: x.sum()), VECTOR, r"Calls returns .* shape \[\] for"),
    "half of the rows": (lambda: Calls(lambda x: x[::2]), VECTOR, "must return one row for each"),
    "reentrant checkpoint": (
        lambda: Calls(lambda x, f: checkpoint(f, x, use_reentrant=True), nn.Linear(8, 8)),
        VECTOR,
        "Calls cannot be expanded .* use_reentrant",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_decoder_that_cannot_be_expanded_is_refused_by_name(name):
    build, shape, message = REFUSED[name]
    decoder = nn.Sequential(
        nn.Linear(2, torch.Size(shape).numel()), nn.Unflatten(1, shape), build()
    )
    with pytest.raises(ValueError, match=message):
        taylor_expand(decoder, torch.randn(4, 2), torch.randn(8, 2), 2)


def test_single_tensor_in_a_tuple_is_taken(assert_exact):
    decoder = Calls(lambda x: (x.sin(), None)).double()
    z, dz = torch.randn(3, 2).double(), torch.randn(6, 2).double()
    assert_exact(decoder, z, dz, 2, reference=torch.sin)


@pytest.mark.parametrize("order", [1, 2])
def test_transformer_can_be_trained(order):
    """The usual layer, with its dropout, in a model's loss."""
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
    decoder = nn.Sequential(nn.Linear(2, 8), nn.Unflatten(1, (2, 4)), layer, nn.Flatten())
    model = NRAE(mlp([8, 4, 2], "elu"), decoder, order, BinaryKernel(2.0))
    batch = Data(x=torch.randn(6, 8), edge_index=torch.randint(6, (2, 20)), batch_size=4)

    model.loss(batch).backward()

    gradients = torch.stack([parameter.grad.norm() for parameter in model.parameters()])
    assert gradients.isfinite().all()
    assert gradients.sum() > 0


def flags() -> tuple[object, ...]:
    return (
        torch.backends.mkldnn.is_available() and torch._C._get_mkldnn_enabled(),
        torch.backends.cuda.flash_sdp_enabled(),
        torch.backends.cuda.math_sdp_enabled(),
        torch.backends.cuda.mem_efficient_sdp_enabled(),
        torch.backends.mha.get_fastpath_enabled(),
        torch.is_grad_enabled(),
        torch.get_default_dtype(),
    )


def test_no_switch_of_the_process_is_touched():
    found = flags()
    seen = []
    decoder = behind_two_coordinates(
        nn.Sequential(Calls(lambda x: seen.append(flags()) or x), transformer()), SEQUENCE
    )
    seen.clear()
    taylor_expand(decoder, torch.randn(3, 2).double(), torch.randn(3, 2).double(), 2)
    assert flags() == found
    assert [each[:5] for each in seen] == [found[:5]]


def test_threads_expand_each_by_itself():
    decoders = [
        behind_two_coordinates(transformer(), SEQUENCE),
        behind_two_coordinates(recurrent(nn.LSTM), SEQUENCE),
        behind_two_coordinates(nn.LayerNorm(8), VECTOR),
    ]
    z, dz = torch.randn(3, 2).double(), torch.randn(6, 2).double()
    expected = [taylor_expand(decoder, z, dz, 2) for decoder in decoders]
    found: dict[int, list[Tensor]] = {}

    def work(number: int) -> None:
        found[number] = [taylor_expand(decoders[number % 3], z, dz, 2) for _ in range(5)]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    for number, results in found.items():
        assert all(torch.equal(result, expected[number % 3]) for result in results)
    assert len(found) == len(threads)
