"""The structure-preserving autoencoder against its formula, pair by pair."""

import math
from statistics import pvariance

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch_geometric.data import Data

from nrae_geometric.nn import SPAE, mlp
from nrae_geometric.nn.models.spae import log_ratio_variance


def slow_variance(x, z):
    ratios = []
    for i in range(len(x)):
        for j in range(i):
            of_points, of_latents = math.dist(x[i], x[j]), math.dist(z[i], z[j])
            if of_points and of_latents:
                ratios.append(math.log(of_latents / of_points))
    return pvariance(ratios) if ratios else 0.0


def slow_variance_per_point(x, z):
    variances = []
    for i in range(len(x)):
        ratios = []
        for j in range(len(x)):
            of_points, of_latents = math.dist(x[i], x[j]), math.dist(z[i], z[j])
            if of_points and of_latents:
                ratios.append(math.log(of_latents / of_points))
        if ratios:
            variances.append(pvariance(ratios))
    return sum(variances) / len(variances) if variances else 0.0


@given(st.integers(1, 7), st.integers(0, 1000))
def test_variance_is_that_of_loops(num, seed):
    random = torch.Generator().manual_seed(seed)
    x, z = (torch.randn(num, d, generator=random, dtype=torch.float64) for d in (3, 2))
    x[num // 2 :: 3] = x[0].clone()
    expected = slow_variance(x.tolist(), z.tolist())
    assert log_ratio_variance(x, z).item() == pytest.approx(expected, abs=1e-12)
    expected = slow_variance_per_point(x.tolist(), z.tolist())
    assert log_ratio_variance(x, z, per_point=True).item() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("per_point", [False, True])
def test_loss_is_that_of_the_formula(per_point):
    model = SPAE(mlp([3, 8, 2], "tanh"), mlp([2, 8, 3], "tanh"), 0.3, per_point).double()
    x = torch.randn(6, 3, dtype=torch.float64)
    z = model.encoder(x).detach()
    error = (x - model.decoder(z)).square().mean().item()
    slow = slow_variance_per_point if per_point else slow_variance
    expected = error + 0.3 * slow(x.tolist(), z.tolist())
    assert model.loss(Data(x=x)).item() == pytest.approx(expected)


def test_one_factor_for_all_distances_has_no_variance():
    x = torch.randn(20, 3)
    turn, _ = torch.linalg.qr(torch.randn(3, 3))
    assert log_ratio_variance(x, 5 * x @ turn) < 1e-10
    assert log_ratio_variance(x, x * torch.tensor([1, 1, 3])) > 0.01


def test_near_points_far_from_the_origin_have_their_distance():
    x = 1000 + torch.rand(40, 3)
    assert log_ratio_variance(x, x) < 1e-8
