"""The Wasserstein autoencoder against its formula, in loops."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch_geometric.data import Data

from nrae_geometric.nn import WAE, mlp
from nrae_geometric.nn.models.wae import mmd


def kernel(a, b):
    width = 2 * len(a)
    squared = float(((a - b) ** 2).sum())
    return sum(width * s / (width * s + squared) for s in (0.1, 0.2, 0.5, 1, 2, 5, 10))


def slow_mmd(z, prior):
    n = len(z)
    pairs = [(i, j) for i in range(n) for j in range(n)]
    within = sum(kernel(z[i], z[j]) + kernel(prior[i], prior[j]) for i, j in pairs if i != j)
    between = sum(kernel(z[i], prior[j]) for i, j in pairs)
    return within / (n * (n - 1)) - 2 * between / n**2


@given(st.integers(2, 6), st.integers(1, 3), st.integers(0, 1000))
def test_discrepancy_is_that_of_loops(num, dim, seed):
    random = torch.Generator().manual_seed(seed)
    z, prior = (torch.randn(num, dim, generator=random, dtype=torch.float64) for _ in range(2))
    torch.testing.assert_close(mmd(z, prior).item(), slow_mmd(z, prior))


def test_loss_is_that_of_the_formula():
    model = WAE(mlp([3, 8, 2], "tanh"), mlp([2, 8, 3], "tanh"), prior_weight=3.0).double()
    x = torch.randn(6, 3, dtype=torch.float64)
    torch.manual_seed(0)
    loss = model.loss(Data(x=x))
    torch.manual_seed(0)
    prior = torch.randn(6, 2, dtype=torch.float64)
    z = model.encoder(x).detach()
    error = (x - model.decoder(z)).square().sum() / 6
    torch.testing.assert_close(loss.item(), error.item() + 3 * slow_mmd(z, prior))


def test_discrepancy_of_one_distribution_is_near_zero_and_of_two_is_not():
    torch.manual_seed(0)
    z, prior = torch.randn(500, 2), torch.randn(500, 2)
    assert mmd(z, prior).abs() < 0.02
    assert mmd(3 * z, prior) > 0.2


@pytest.mark.parametrize("shape", [(1, 2), (4, 2)])
def test_discrepancy_refuses_other_samples(shape):
    with pytest.raises(ValueError, match="two samples"):
        mmd(torch.randn(shape), torch.randn(shape[0], 3 if shape[0] > 1 else 2))
