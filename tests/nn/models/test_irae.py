"""The isometrically regularized autoencoder against Jacobians of float64 autograd."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch_geometric.data import Data

from nrae_geometric.nn import IRAE, mlp, pullback_metric
from nrae_geometric.nn.models.irae import mixed_latents, relaxed_distortion


def slow_metric(decoder, z):
    rows = [torch.autograd.functional.jacobian(lambda p: decoder(p[None])[0], p) for p in z]
    return torch.stack([row.flatten(0, -2).T @ row.flatten(0, -2) for row in rows])


def slow_distortion(decoder, z):
    metric = slow_metric(decoder, z)
    traces = torch.stack([each.trace() for each in metric])
    squares = torch.stack([(each @ each).trace() for each in metric])
    return squares.mean() / traces.mean() ** 2


@given(st.integers(1, 3), st.integers(0, 1000))
def test_metric_is_the_product_of_the_jacobian(dim, seed):
    torch.manual_seed(seed)
    decoder = nn.Sequential(mlp([dim, 8, 6], "elu"), nn.Unflatten(1, (2, 3))).double()
    z = torch.randn(4, dim, dtype=torch.float64)
    torch.testing.assert_close(pullback_metric(decoder, z), slow_metric(decoder, z))


def test_metric_refuses_what_is_no_row():
    with pytest.raises(ValueError, match=r"\[N, d\]"):
        pullback_metric(nn.Identity(), torch.randn(2, 3, 4))


@given(st.integers(0, 1000))
def test_distortion_is_that_of_the_formula(seed):
    torch.manual_seed(seed)
    decoder, z = mlp([2, 8, 3], "tanh").double(), torch.randn(6, 2, dtype=torch.float64)
    torch.testing.assert_close(relaxed_distortion(decoder, z), slow_distortion(decoder, z))


def test_scaled_isometry_has_the_smallest_distortion():
    turn, _ = torch.linalg.qr(torch.randn(5, 3, dtype=torch.float64))
    z = torch.randn(6, 3, dtype=torch.float64)
    smallest = relaxed_distortion(lambda z: 7 * z @ turn.T, z)
    torch.testing.assert_close(smallest.item(), 1 / 3)
    stretched = relaxed_distortion(lambda z: z @ (turn * torch.tensor([1, 1, 2])).T, z)
    assert stretched > 0.4


def test_estimate_with_many_latents_is_right_on_average():
    torch.manual_seed(0)
    decoder, z = mlp([20, 24, 22], "tanh").double(), torch.randn(1, 20, dtype=torch.float64)
    drawn = relaxed_distortion(decoder, z.expand(20_000, 20))
    torch.testing.assert_close(drawn, slow_distortion(decoder, z), rtol=0.02, atol=0)


def test_places_lie_between_latents_and_a_little_beyond():
    z = torch.tensor([[0.0, 0.0], [1.0, 0.0]])
    torch.manual_seed(0)
    places = torch.cat([mixed_latents(z, 0.2) for _ in range(500)])
    assert places[:, 1].abs().max() == 0
    assert -0.2 <= places[:, 0].min() < -0.1
    assert 1.1 < places[:, 0].max() <= 1.2


def test_loss_is_that_of_the_formula():
    model = IRAE(mlp([3, 8, 2], "tanh"), mlp([2, 8, 3], "tanh"), 0.5).double()
    x = torch.randn(6, 3, dtype=torch.float64)
    torch.manual_seed(0)
    loss = model.loss(Data(x=x))
    torch.manual_seed(0)
    places = mixed_latents(model.encoder(x), 0.2)
    expected = (x - model(x)).square().mean() + 0.5 * slow_distortion(model.decoder, places)
    torch.testing.assert_close(loss, expected)
