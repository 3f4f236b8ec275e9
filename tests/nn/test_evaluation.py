"""Using a model without leaving a trace in it."""

import pytest
import torch
from torch import nn

from nrae_geometric.nn.evaluation import evaluating, to_model


@pytest.fixture
def model() -> nn.Sequential:
    """In training mode, but for one frozen part."""
    frozen = nn.BatchNorm1d(3).eval()
    return nn.Sequential(nn.Linear(2, 3), frozen, nn.Sequential(nn.Dropout(0.5)))


def test_model_is_in_evaluation_mode_without_gradients(model):
    with evaluating(model):
        assert not any(module.training for module in model.modules())
        assert not model(torch.randn(4, 2)).requires_grad
    assert torch.is_grad_enabled()


def test_each_part_returns_to_its_own_mode_even_after_an_error(model):
    before = {module: module.training for module in model.modules()}
    with pytest.raises(KeyError), evaluating(model):
        raise KeyError
    assert {module: module.training for module in model.modules()} == before


def test_points_get_the_type_and_device_of_the_model():
    model = nn.Linear(2, 3, dtype=torch.float64, device="meta")
    points = to_model(model, torch.zeros(4, 2))
    assert (points.dtype, points.device.type) == (torch.float64, "meta")


def test_edges_get_the_device_of_the_model_alone():
    model = nn.Linear(2, 3, dtype=torch.float64, device="meta")
    edge_index = to_model(model, torch.zeros(2, 5, dtype=torch.long))
    assert (edge_index.dtype, edge_index.device.type) == (torch.long, "meta")


def test_model_without_parameters_takes_points_as_they_are():
    x = torch.zeros(4, 2)
    assert to_model(nn.Tanh(), x) is x
