"""The topological autoencoder against pairs found by joining components one by one."""

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch_geometric.data import Data

from nrae_geometric.nn import TopoAE, mlp
from nrae_geometric.nn.models.topoae import (
    distances,
    persistence_pairs,
    topological_difference,
)


def slow_pairs(distance):
    """Kruskal: pairs by distance, kept where they join two components."""
    num = len(distance)
    component = list(range(num))
    pairs = []
    table = distance.tolist()
    for _, i, j in sorted((table[a][b], a, b) for a in range(num) for b in range(a)):
        if component[i] != component[j]:
            pairs.append((i, j))
            old, new = component[i], component[j]
            component = [new if each == old else each for each in component]
    return {tuple(sorted(pair)) for pair in pairs}


def slow_difference(of_points, of_latents):
    total = 0.0
    for table in (of_points, of_latents):
        for i, j in slow_pairs(table):
            total += (of_points[i, j] - of_latents[i, j]) ** 2 / 2
    return total


@given(st.integers(2, 12), st.integers(0, 1000))
def test_pairs_are_those_at_which_components_join(num, seed):
    random = torch.Generator().manual_seed(seed)
    x = torch.randn(num, 2, generator=random, dtype=torch.float64)
    pairs = persistence_pairs(torch.cdist(x, x))
    assert {tuple(sorted(pair)) for pair in pairs.T.tolist()} == slow_pairs(torch.cdist(x, x))


def test_equal_points_are_joined_too():
    assert persistence_pairs(torch.zeros(5, 5)).shape == (2, 4)


@given(st.integers(0, 1000))
def test_difference_is_that_of_loops(seed):
    random = torch.Generator().manual_seed(seed)
    x, z = (torch.randn(8, d, generator=random, dtype=torch.float64) for d in (3, 2))
    tables = torch.cdist(x, x), torch.cdist(z, z)
    torch.testing.assert_close(topological_difference(*tables), slow_difference(*tables))


def test_loss_is_that_of_the_formula():
    model = TopoAE(mlp([3, 8, 2], "tanh"), mlp([2, 8, 3], "tanh"), 0.5).double()
    model.latent_scale.data.fill_(1.7)
    x = torch.randn(6, 3, dtype=torch.float64)
    of_points = torch.cdist(x, x)
    z = model.encoder(x)
    expected = slow_difference(of_points / of_points.max(), torch.cdist(z, z) / 1.7)
    error = (x - model(x)).square().mean()
    torch.testing.assert_close(model.loss(Data(x=x)), error + 0.5 * expected / 6)


def test_distances_of_equal_points_have_a_gradient_of_zero():
    z = torch.zeros(3, 2, requires_grad=True)
    distances(z).sum().backward()
    assert torch.equal(z.grad, torch.zeros(3, 2))


def test_scale_of_the_latents_is_reset():
    model = TopoAE(mlp([3, 2], "tanh"), mlp([2, 3], "tanh"))
    model.latent_scale.data.fill_(3.0)
    model.reset_parameters()
    assert model.latent_scale == 1
