"""The optimizer that gathers its tensors once against PyTorch's own."""

import copy

import pytest
import torch
from torch import nn

from nrae_geometric.training.fused_adam import FusedAdam


def train(model: nn.Module, optimizer: torch.optim.Optimizer, steps: range) -> list[torch.Tensor]:
    for step in steps:
        optimizer.zero_grad()
        x = torch.randn(8, 3, generator=torch.Generator().manual_seed(step))
        output = model[0](x) if step == 3 else model(x)  # the last layer has no gradient once
        output.square().sum().backward()
        optimizer.param_groups[0]["lr"] *= 0.9
        optimizer.step()
    return [param.detach().clone() for param in model.parameters()]


@pytest.fixture
def model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 5), nn.Linear(5, 2))


def test_every_step_is_that_of_fused_adam(model: nn.Module) -> None:
    other = copy.deepcopy(model)
    ours = train(model, FusedAdam(model.parameters(), lr=0.01), range(8))
    theirs = train(other, torch.optim.Adam(other.parameters(), lr=0.01, fused=True), range(8))
    for a, b in zip(ours, theirs, strict=True):
        assert torch.equal(a, b)


def test_the_state_can_be_saved_and_loaded_either_way(model: nn.Module) -> None:
    first = FusedAdam(model.parameters(), lr=0.01)
    train(model, first, range(5))
    copies = [copy.deepcopy(model) for _ in range(2)]
    plain = torch.optim.Adam(copies[0].parameters(), lr=0.01, fused=True)
    ours = FusedAdam(copies[1].parameters(), lr=0.01)
    train(copies[1], ours, range(2))  # moments that loading has to replace
    copies[1].load_state_dict(model.state_dict())
    for optimizer in (plain, ours):
        optimizer.load_state_dict(copy.deepcopy(first.state_dict()))
    for a, b in zip(
        train(copies[0], plain, range(5, 9)), train(copies[1], ours, range(5, 9)), strict=True
    ):
        assert torch.equal(a, b)


def test_gradients_can_be_kept_as_zeros(model: nn.Module) -> None:
    optimizer = FusedAdam(model.parameters(), lr=0.01)
    train(model, optimizer, range(1))
    optimizer.zero_grad(set_to_none=False)
    assert all(param.grad is not None and not param.grad.any() for param in model.parameters())


def test_a_closure_is_called(model: nn.Module) -> None:
    optimizer = FusedAdam(model.parameters(), lr=0.01)
    train(model, optimizer, range(1))
    assert optimizer.step(lambda: 3.0) == 3.0


def test_a_scaled_loss_gives_the_step_of_the_plain_one(model: nn.Module) -> None:
    other = copy.deepcopy(model)
    optimizer = FusedAdam(other.parameters(), lr=0.01)
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    x = torch.ones(4, 3)
    for _ in range(3):
        optimizer.zero_grad()
        scaler.scale(other(x).square().sum()).backward()
        scaler.step(optimizer)
        scaler.update()
    plain = torch.optim.Adam(model.parameters(), lr=0.01, fused=True)
    for _ in range(3):
        plain.zero_grad()
        model(x).square().sum().backward()
        plain.step()
    for a, b in zip(model.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(a, b)
