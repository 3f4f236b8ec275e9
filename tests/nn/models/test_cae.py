"""The contractive autoencoder against Jacobians of float64 autograd."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch_geometric.data import Data
from torch_geometric.nn import GCNConv

from nrae_geometric.nn import CAE, mlp
from nrae_geometric.nn.models.cae import contraction


def slow(encoder, x):
    return torch.stack(
        [
            torch.autograd.functional.jacobian(lambda p: encoder(p[None])[0], point).square().sum()
            for point in x
        ]
    )


ENCODERS = {
    "linear": lambda: nn.Linear(3, 2),
    "one layer": lambda: nn.Sequential(nn.Linear(3, 20), nn.Sigmoid()),
    "one layer of images": lambda: nn.Sequential(nn.Flatten(), nn.Linear(3, 4), nn.ELU()),
    "softmax": lambda: nn.Sequential(nn.Linear(3, 4), nn.Softmax(dim=1)),
    "deep": lambda: mlp([3, 8, 8, 2], "tanh"),
    "few values, many latents": lambda: mlp([3, 8, 20], "softplus"),
}


@pytest.mark.parametrize("name", ENCODERS)
@given(seed=st.integers(0, 1000))
def test_contraction_is_the_norm_of_the_jacobian(name, seed):
    torch.manual_seed(seed)
    encoder, x = ENCODERS[name]().double(), torch.randn(5, 3, dtype=torch.float64)
    torch.testing.assert_close(contraction(encoder, x), slow(encoder, x))


@pytest.mark.parametrize("name", ENCODERS)
def test_gradient_is_that_of_differences(name):
    torch.manual_seed(0)
    encoder, x = ENCODERS[name]().double(), torch.randn(3, 3, dtype=torch.float64)
    parameters = list(encoder.parameters())
    assert torch.autograd.gradcheck(lambda *_: contraction(encoder, x), parameters)


def test_estimate_of_wide_codes_is_right_on_average():
    torch.manual_seed(0)
    encoder, x = mlp([20, 32, 24], "tanh").double(), torch.randn(1, 20, dtype=torch.float64)
    drawn = contraction(encoder, x.expand(20_000, 20)).mean()
    torch.testing.assert_close(drawn, slow(encoder, x)[0], rtol=0.02, atol=0)


def test_loss_is_that_of_the_formula():
    model = CAE(mlp([3, 8, 2], "tanh"), mlp([2, 8, 3], "tanh"), 0.5).double()
    x = torch.randn(6, 3, dtype=torch.float64)
    error = (x - model(x)).square().mean()
    torch.testing.assert_close(model.loss(Data(x=x)), error + 0.5 * slow(model.encoder, x).mean())


def test_loss_is_measured_without_a_gradient():
    model, batch = (
        CAE(mlp([3, 8, 2], "tanh"), mlp([2, 8, 3], "tanh"), 0.5),
        Data(x=torch.ones(2, 3)),
    )
    with torch.no_grad():
        loss = model.loss(batch)
    assert not loss.requires_grad
    torch.testing.assert_close(loss, model.loss(batch).detach())


def test_graph_encoder_is_refused():
    with pytest.raises(ValueError, match="takes a graph"):
        CAE(GCNConv(3, 2), nn.Linear(2, 3))
