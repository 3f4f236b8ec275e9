from functools import partial

import pytest
import torch
from torch.optim.lr_scheduler import StepLR

from nrae_geometric.training.schedule import published_schedule, warm_schedule


def adam():
    return torch.optim.Adam([torch.zeros(1, requires_grad=True)], lr=1e-3)


def rates(num_epochs, first_epoch=0, schedule=published_schedule):
    optimizer = adam()
    scheduler = schedule(optimizer, num_epochs, first_epoch)
    seen = []
    for _ in range(first_epoch, num_epochs):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return seen


@pytest.mark.parametrize("num_epochs", [1, 7, 50, 83, 100, 1001, 2001])
def test_rate_is_that_of_a_step_schedule_stepped_after_80_percent_alone(num_epochs):
    optimizer = adam()
    scheduler = StepLR(optimizer, step_size=10, gamma=0.9)
    expected = []
    for epoch in range(num_epochs):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if epoch > 0.8 * num_epochs:
            scheduler.step()

    assert rates(num_epochs) == pytest.approx(expected, rel=1e-12)


def test_rate_first_falls_ten_epochs_after_80_percent():
    seen = rates(2001)

    assert seen[1610] == 1e-3
    assert seen[1611] == pytest.approx(0.9e-3)
    assert seen[1621] == pytest.approx(0.81e-3)


@pytest.mark.parametrize("first_epoch", [1, 42, 95, 99])
def test_resumed_schedule_has_exactly_the_same_rates(first_epoch):
    assert rates(100, first_epoch) == rates(100)[first_epoch:]


def test_warm_rate_rises_quadratically_to_three_tenths_of_the_published_one():
    seen, published = rates(1001, schedule=warm_schedule), rates(1001)

    assert seen[0] == pytest.approx(0.3e-3 / 200**2)
    assert seen[99] == pytest.approx(0.3e-3 / 4)
    assert seen[199:] == pytest.approx([0.3 * rate for rate in published[199:]])


def test_warm_rate_of_order_two_is_a_third_of_that_of_order_one():
    first, second = (rates(50, schedule=partial(warm_schedule, order=order)) for order in (1, 2))

    assert second == pytest.approx([rate / 3 for rate in first])


@pytest.mark.parametrize("first_epoch", [1, 42, 95])
def test_resumed_warm_schedule_has_exactly_the_same_rates(first_epoch):
    whole = rates(100, schedule=warm_schedule)
    assert rates(100, first_epoch, warm_schedule) == whole[first_epoch:]


def test_warm_rate_of_a_single_epoch_is_positive():
    assert rates(1, schedule=warm_schedule) == pytest.approx([0.3e-3])
