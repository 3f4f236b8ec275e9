import pytest
import torch
from torch.optim.lr_scheduler import StepLR

from nrae_geometric.training import gentle_schedule, published_schedule


def factors(max_epochs, schedule=published_schedule):
    return [schedule(epoch, max_epochs) for epoch in range(max_epochs)]


@pytest.mark.parametrize("max_epochs", [1, 7, 50, 83, 100, 1001, 2001])
def test_rate_is_that_of_a_step_schedule_stepped_after_80_percent_alone(max_epochs):
    optimizer = torch.optim.Adam([torch.zeros(1, requires_grad=True)], lr=1)
    scheduler = StepLR(optimizer, step_size=10, gamma=0.9)
    expected = []
    for epoch in range(max_epochs):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if epoch > 0.8 * max_epochs:
            scheduler.step()

    assert factors(max_epochs) == pytest.approx(expected, rel=1e-12)


def test_rate_first_falls_ten_epochs_after_80_percent():
    seen = factors(2001)

    assert seen[1610] == 1
    assert seen[1611] == pytest.approx(0.9)
    assert seen[1621] == pytest.approx(0.81)


def test_gentle_rate_rises_quadratically_to_a_fraction_of_the_published_one():
    seen, published = factors(1001, gentle_schedule), factors(1001)

    assert seen[0] == pytest.approx(0.3 / 200**2)
    assert seen[99] == pytest.approx(0.3 / 4)
    assert seen[199:] == pytest.approx([0.3 * factor for factor in published[199:]])


def test_gentle_rate_of_few_epochs_rises_over_half_of_them():
    assert factors(4, gentle_schedule) == pytest.approx([0.075, 0.3, 0.3, 0.3])


def test_gentle_rate_of_a_single_epoch_is_positive():
    assert gentle_schedule(0, 1, fraction=0.1) == pytest.approx(0.1)
