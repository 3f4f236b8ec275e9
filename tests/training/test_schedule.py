import pytest
import torch
from torch.optim.lr_scheduler import StepLR
from torch_geometric.data import Data

from nrae_geometric.training import OneCycle, Trainer, gentle_schedule, published_schedule
from nrae_geometric.training.step import TrainingStep


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


def test_one_cycle_is_that_of_torch():
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 0.5, total_steps=1001, pct_start=0.1, div_factor=10, final_div_factor=1e12
    )
    cycle = OneCycle(0.5)
    for step in range(1000):
        if step >= 100:  # its rise is a cosine too
            expected = optimizer.param_groups[0]["lr"]
            assert cycle(step / 100, 10) == pytest.approx(expected, abs=2e-3)
        optimizer.step()
        scheduler.step()
    assert cycle(0, 10) == pytest.approx(0.05)
    assert cycle(0.5, 10) == pytest.approx(0.5 * 0.55)
    assert cycle(10, 10) == pytest.approx(0)


def test_rate_of_one_cycle_is_set_in_every_step():
    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(1))

        def loss(self, batch):
            return (self.weight - batch.x.mean()).square().sum()

    trainer = Trainer(2, lr=0.1, schedule=OneCycle(), device="cpu", progress=False)
    seen = []
    original = TrainingStep.__call__

    def noted(self, batch):
        seen.append(self.lr)
        return original(self, batch)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TrainingStep, "__call__", noted)
        trainer.fit(Model(), [Data(x=torch.ones(1, 1)) for _ in range(10)])

    assert seen == pytest.approx([0.1 * OneCycle()(i / 10, 2) for i in range(20)])
    assert trainer.history[-1]["lr"] == pytest.approx(seen[-1])
