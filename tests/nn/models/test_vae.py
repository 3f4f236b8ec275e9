"""The variational autoencoder against its formula, point by point."""

import math

import pytest
import torch
from torch import nn
from torch.distributions import Bernoulli, Normal, kl_divergence
from torch_geometric.data import Data

from nrae_geometric.nn import VAE, mlp
from nrae_geometric.nn.models.vae import kl


def model(likelihood="gaussian", beta=0.7):
    out = "sigmoid" if likelihood == "bernoulli" else None
    decoder = mlp([2, 8, 3], "tanh", out)
    return VAE(mlp([3, 8, 4], "tanh"), decoder, beta, likelihood).double()


@pytest.mark.parametrize("likelihood", ["gaussian", "bernoulli"])
def test_loss_is_the_negative_bound(likelihood):
    vae, x = model(likelihood), torch.rand(6, 3, dtype=torch.float64)
    torch.manual_seed(0)
    loss = vae.loss(Data(x=x))
    torch.manual_seed(0)
    noise = torch.randn(6, 2, dtype=torch.float64)
    total = 0.0
    for point, epsilon in zip(x, noise, strict=True):
        code = vae.encoder(point[None])[0]
        mean, deviation = code[:2], (code[2:] / 2).exp()
        decoded = vae.decoder((mean + deviation * epsilon)[None])[0]
        if likelihood == "gaussian":
            surprise = -Normal(decoded, 1.0).log_prob(point).sum() - 1.5 * math.log(2 * math.pi)
        else:
            surprise = -Bernoulli(decoded, validate_args=False).log_prob(point).sum()
        divergence = kl_divergence(Normal(mean, deviation), Normal(0.0, 1.0)).sum()
        total = total + surprise + 0.7 * divergence
    torch.testing.assert_close(loss, total / 6)


def test_divergence_is_that_of_torch():
    mean, log_variance = torch.randn(5, 3).double(), torch.randn(5, 3).double()
    expected = kl_divergence(Normal(mean, (log_variance / 2).exp()), Normal(0.0, 1.0)).sum(1)
    torch.testing.assert_close(kl(mean, log_variance), expected)


def test_latents_are_the_means():
    vae, x = model(), torch.randn(6, 3, dtype=torch.float64)
    torch.testing.assert_close(vae.encode(x), vae.encoder(x)[:, :2])
    torch.testing.assert_close(vae(x), vae.decoder(vae.encoder(x)[:, :2]))


def test_sample_draws_as_many_points():
    vae = model()
    with pytest.raises(RuntimeError, match="seen no points"):
        vae.sample(3)
    vae.loss(Data(x=torch.randn(4, 3).double()))
    drawn = vae.sample(5)
    assert drawn.shape == (5, 3)
    assert not drawn.requires_grad
    with pytest.raises(ValueError, match="num"):
        vae.sample(0)


def test_samples_are_those_of_the_prior():
    vae = VAE(nn.Linear(2, 4), nn.Identity())
    vae.loss(Data(x=torch.randn(4, 2)))
    torch.manual_seed(0)
    drawn = vae.sample(20_000)
    assert drawn.mean().abs() < 0.03
    assert (drawn.std() - 1).abs() < 0.03


def test_bernoulli_refuses_values_that_are_no_probabilities():
    with pytest.raises(ValueError, match="the points are from"):
        model("bernoulli").loss(Data(x=torch.full((2, 3), 2.0).double()))
    vae = VAE(nn.Linear(3, 2), nn.Linear(1, 3), likelihood="bernoulli")
    vae.decoder.bias.data.fill_(9.0)
    with pytest.raises(ValueError, match="sigmoid"):
        vae.loss(Data(x=torch.rand(2, 3)))


def test_encoder_needs_a_mean_and_a_variance():
    with pytest.raises(ValueError, match="mean and the logarithm"):
        VAE(nn.Linear(3, 3), nn.Linear(1, 3)).encode(torch.randn(2, 3))


def test_extreme_variances_stay_finite():
    vae = model()
    with torch.no_grad():
        vae.encoder[-1].bias[2:] = 1e4
    assert vae.loss(Data(x=torch.randn(4, 3).double())).isfinite()
