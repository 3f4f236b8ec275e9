import math

import pytest
import torch
from torch import nn
from torch_geometric.data import Data

from nrae_geometric.callbacks import EarlyStopping
from nrae_geometric.training import Trainer


class Scripted(nn.Module):
    """A model whose validation loss in each epoch is given, and whose weight counts the epochs."""

    def __init__(self, losses):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.register_buffer("epochs", torch.zeros(1))
        self.losses = losses

    def loss(self, batch):
        if self.training:
            self.epochs += 1
            return self.weight.sum()
        return torch.tensor(self.losses[int(self.epochs) - 1])


def fit(losses, *arguments, max_epochs=None, **options):
    model, stopping = Scripted(losses), EarlyStopping(*arguments, **options)
    trainer = Trainer(max_epochs or len(losses), device="cpu", callbacks=[stopping], progress=False)
    trainer.fit(model, [Data(x=torch.zeros(1, 1))], validation=[Data(x=torch.zeros(1, 1))])
    return trainer, stopping, model


def test_run_ends_after_so_many_epochs_without_a_new_best_loss():
    trainer, stopping, _ = fit([5.0, 4.0, 4.5, 4.25, 4.0, 1.0], 3)

    assert len(trainer.history) == 5
    assert (stopping.best, stopping.best_epoch) == (4.0, 1)
    assert "has not fallen for 3 epochs; the best one was 4 in epoch 1" in trainer.stop_reason


def test_a_new_best_loss_starts_the_count_anew():
    trainer, _, _ = fit([5.0, 6.0, 4.0, 6.0, 3.0, 6.0, 2.0], 2)

    assert len(trainer.history) == 7
    assert trainer.stop_reason is None


def test_small_improvements_do_not_count():
    trainer, stopping, _ = fit([5.0, 4.75, 4.5, 4.25], 2, min_delta=0.5)

    assert len(trainer.history) == 3
    assert stopping.best == 5.0


@pytest.mark.parametrize("losses", [[5.0, 4.0, 6.0, 6.0, 6.0], [5.0, 4.0, 6.0]])
def test_model_ends_with_the_best_weights_and_buffers(losses):
    _, _, model = fit(losses, 3)
    short, _, expected = fit(losses[:2], 3)

    assert short.stop_reason is None
    assert model.epochs == 2
    # The schedule is that of another length, but no rate has fallen yet.
    assert torch.equal(model.weight, expected.weight)


def test_last_weights_stay_if_asked_for():
    _, _, model = fit([5.0, 4.0, 6.0], 3, restore_best=False)

    assert model.epochs == 3


def test_training_loss_can_be_watched_without_validation():
    class Rising(nn.Linear):
        num_steps = 0

        def loss(self, batch):
            self.num_steps += 1
            return self(batch.x).mean() * 0 + self.num_steps

    callbacks = [EarlyStopping(2, monitor="loss")]
    trainer = Trainer(9, device="cpu", callbacks=callbacks, progress=False)
    trainer.fit(Rising(1, 1), [Data(x=torch.zeros(1, 1))])

    assert len(trainer.history) == 3


def test_another_run_starts_afresh():
    model, stopping = Scripted([1.0, 2.0, 3.0, 3.0, 3.0, 3.0]), EarlyStopping(2)
    trainer = Trainer(3, device="cpu", callbacks=[stopping], progress=False)
    batches = [Data(x=torch.zeros(1, 1))]
    trainer.fit(model, batches, validation=batches)
    model.epochs.fill_(2)
    trainer.fit(model, batches, validation=batches)

    assert (stopping.best, stopping.best_epoch) == (3.0, 0)


def test_missing_validation_is_an_error_before_training():
    trainer = Trainer(2, device="cpu", callbacks=[EarlyStopping(1)], progress=False)
    with pytest.raises(ValueError, match=r"validation=.*monitor='loss'"):
        trainer.fit(Scripted([1.0]), [Data(x=torch.zeros(1, 1))])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"patience": 0}, "patience must be at least 1, got 0"),
        ({"patience": 1, "min_delta": -1}, "min_delta .* got -1"),
        ({"patience": 1, "min_delta": math.nan}, "min_delta .* got nan"),
        ({"patience": 1, "monitor": "accuracy"}, "unknown monitor 'accuracy'; choose one of"),
    ],
)
def test_impossible_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        EarlyStopping(**arguments)
