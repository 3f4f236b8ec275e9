"""Models are ordinary modules: saved, copied, compiled, and run in any precision."""

import copy
import io
import pickle

import pytest
import torch
from torch import Tensor, nn
from torch_geometric.data import Data

from nrae_geometric.nn import AE, NRAE, BinaryKernel, GaussianKernel, mlp, taylor_expand

BUILDERS = {
    "AE": lambda *networks: AE(*networks),
    "NRAE-L": lambda *networks: NRAE(*networks, 1, BinaryKernel(10.0)),
    "NRAE-Q": lambda *networks: NRAE(*networks, 2, GaussianKernel(1.0)),
}
ORDERS = [1, 2]


@pytest.fixture
def batch() -> Data:
    torch.manual_seed(0)
    x = torch.randn(12, 1, 4, 4)
    return Data(x=x, edge_index=torch.randint(12, (2, 40)), batch_size=8)


def networks() -> tuple[nn.Module, nn.Module]:
    """A convolutional encoder and decoder, so that all kinds of layers take part."""
    torch.manual_seed(1)
    encoder = nn.Sequential(
        nn.Conv2d(1, 2, 3, padding=1), nn.ELU(), nn.Flatten(), nn.LayerNorm(32), nn.Linear(32, 2)
    )
    decoder = nn.Sequential(
        mlp([2, 8, 8], "gelu", "tanh"),
        nn.Unflatten(1, (2, 2, 2)),
        nn.ConvTranspose2d(2, 4, 2, stride=2),
        nn.GroupNorm(2, 4),
        nn.SiLU(),
        nn.Conv2d(4, 1, 1),
        nn.Sigmoid(),
    )
    return encoder, decoder


@pytest.fixture(params=BUILDERS)
def model(request: pytest.FixtureRequest) -> AE:
    return BUILDERS[request.param](*networks())


def another(model: AE) -> AE:
    """The same model with other parameters."""
    other = copy.deepcopy(model)
    for parameter in other.parameters():
        nn.init.normal_(parameter)
    return other


def gradients(model: nn.Module, loss: Tensor) -> list[Tensor]:
    return list(torch.autograd.grad(loss, list(model.parameters())))


def test_state_dict_travels_to_a_model_of_the_same_kind(model, batch):
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    file.seek(0)
    restored = another(model)
    assert restored.loss(batch) != model.loss(batch)

    restored.load_state_dict(torch.load(file, weights_only=True))

    assert restored.loss(batch) == model.loss(batch)


def test_state_dict_holds_encoder_and_decoder_and_nothing_else(model):
    prefixes = {key.split(".")[0] for key in model.state_dict()}
    assert prefixes == {"encoder", "decoder"}


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copy_is_equal_and_independent(model, batch, duplicate):
    loss = model.loss(batch)
    copied = duplicate(model)
    assert copied.loss(batch) == loss

    nn.init.zeros_(copied.decoder[-2].weight)

    assert copied.loss(batch) != loss
    assert model.loss(batch) == loss


@pytest.mark.parametrize("name", ["AE", "NRAE-Q"])
def test_compiled_loss_equals_the_eager_one(name):
    torch.manual_seed(0)
    model = BUILDERS[name](mlp([3, 4, 2], "elu"), mlp([2, 4, 3], "tanh"))
    batch = Data(x=torch.randn(6, 3), edge_index=torch.randint(6, (2, 20)), batch_size=4)
    expected = model.loss(batch)

    torch.compiler.reset()
    compiled = torch.compile(model.loss, backend="aot_eager")(batch)

    torch.testing.assert_close(compiled, expected)
    for pair in zip(gradients(model, compiled), gradients(model, expected), strict=True):
        torch.testing.assert_close(*pair)


def test_compiled_parts_equal_the_eager_ones(model, batch):
    expected = model.loss(batch)
    torch.compiler.reset()
    model.encoder.compile(backend="aot_eager")
    model.decoder.compile(backend="aot_eager")
    torch.testing.assert_close(model.loss(batch), expected)


@pytest.mark.parametrize("order", ORDERS)
def test_expansion_compiles_without_a_graph_break(order):
    decoder, z, dz = networks()[1], torch.randn(3, 2), torch.randn(6, 2)
    torch.compiler.reset()
    compiled = torch.compile(taylor_expand, backend="eager", fullgraph=True)
    expected = taylor_expand(decoder, z, dz, order)
    torch.testing.assert_close(compiled(decoder, z, dz, order), expected)


@pytest.mark.parametrize("order", ORDERS)
def test_compiled_decoder_can_be_expanded(order):
    decoder, z, dz = mlp([2, 8, 3], "tanh"), torch.randn(3, 2), torch.randn(6, 2)
    torch.compiler.reset()
    compiled = torch.compile(decoder, backend="aot_eager")
    expected = taylor_expand(decoder, z, dz, order)
    torch.testing.assert_close(taylor_expand(compiled, z, dz, order), expected)


def test_autocast_keeps_loss_and_gradients_near_full_precision(model, batch):
    expected = model.loss(batch)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = model.loss(batch)

    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, expected, rtol=0.05, atol=0)
    full, half = (
        torch.cat([gradient.flatten() for gradient in gradients(model, value)])
        for value in (expected, loss)
    )
    assert torch.cosine_similarity(full, half, dim=0) > 0.99


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_model_runs_in_the_precision_it_is_moved_to(model, batch, dtype):
    expected = model.loss(batch).item()
    batch.x = batch.x.to(dtype)
    loss = model.to(dtype).loss(batch)
    loss.backward()
    assert loss.dtype == dtype
    assert all(parameter.grad.dtype == dtype for parameter in model.parameters())
    assert loss.item() == pytest.approx(expected, rel=1e-5 if dtype == torch.float64 else 0.1)


def test_gradient_penalty_can_be_learned(model, batch):
    """The gradient of a squared gradient, against a central difference along it."""
    model, batch.x = model.double(), batch.x.double()
    parameters = list(model.parameters())

    def penalty() -> Tensor:
        slopes = torch.autograd.grad(model.loss(batch), parameters, create_graph=True)
        return torch.stack([slope.square().sum() for slope in slopes]).sum()

    directions = torch.autograd.grad(penalty(), parameters)
    length = torch.cat([direction.flatten() for direction in directions]).norm()

    def penalty_after(step: float) -> Tensor:
        with torch.no_grad():
            for parameter, direction in zip(parameters, directions, strict=True):
                parameter += step * direction / length
        return penalty().detach()

    slope = (penalty_after(1e-6) - penalty_after(-2e-6)) / 2e-6
    torch.testing.assert_close(slope, length, rtol=1e-4, atol=0)


@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode])
def test_loss_is_the_same_without_gradients(model, batch, context):
    expected = model.loss(batch)
    with context():
        loss = model.loss(batch)
    assert not loss.requires_grad
    torch.testing.assert_close(loss.clone(), expected.detach())


def test_parameters_can_be_exchanged_for_a_call(model, batch):
    other = another(model)
    x = batch.x
    exchanged = torch.func.functional_call(model, dict(other.named_parameters()), (x,))
    torch.testing.assert_close(exchanged, other(x))
