"""Results without the private names of PyTorch and PyTorch Geometric that make them faster."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.autograd import forward_ad
from torch_geometric.nn import GCNConv, Sequential

from nrae_geometric import _compat
from nrae_geometric.nn import AE, mlp, taylor_expand


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize(
    ("owner", "name"),
    [(torch._C, "_are_functorch_transforms_active"), (forward_ad, "_current_level")],
)
def test_expansion_is_the_same_where_transforms_cannot_be_seen(monkeypatch, owner, name, order):
    torch.manual_seed(0)
    decoder, (z, dz) = mlp([1, 8, 8, 2], "elu").double(), torch.randn(2, 5, 1).double()
    results = []
    for is_missing in (False, True):
        if is_missing:
            monkeypatch.delattr(owner, name)
        expansion = taylor_expand(decoder, z, dz, order)
        gradients = torch.autograd.grad(expansion.square().sum(), list(decoder.parameters()))
        results.append([expansion, *gradients])
    torch.testing.assert_close(*results, rtol=1e-10, atol=1e-12)


def test_hooks_that_cannot_be_seen_count_as_some():
    assert not _compat.has_forward_hooks(nn.Tanh())
    assert _compat.has_forward_hooks(SimpleNamespace())


@pytest.mark.parametrize("name", ["_global_forward_hooks", "_global_forward_pre_hooks"])
def test_hooks_of_all_modules_that_cannot_be_seen_count_as_some(monkeypatch, name):
    monkeypatch.delattr(torch.nn.modules.module, name)
    assert _compat.has_forward_hooks(nn.Tanh())


def test_sequential_graph_network_is_given_the_graph_where_its_arguments_cannot_be_seen():
    encoder = Sequential("x, edge_index", [(GCNConv(3, 2), "x, edge_index -> x")])
    without_graph = Sequential("x", [(nn.Linear(3, 2), "x -> x")])
    assert AE(encoder, nn.Linear(2, 3)).encoder_uses_graph
    assert not AE(without_graph, nn.Linear(2, 3)).encoder_uses_graph
    encoder.signature = None
    assert AE(encoder, nn.Linear(2, 3)).encoder_uses_graph
