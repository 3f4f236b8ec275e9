"""The loss of points left out."""

import pytest
import torch
from torch import nn
from torch_geometric.data import Data

from nrae_geometric.training import Callback


def test_validation_loss_is_the_mean_over_all_points_in_evaluation_mode(
    trainer, make_model, make_loader
):
    x = torch.randn(7, 2, generator=torch.Generator().manual_seed(1))
    losses = []

    class Reference(Callback):
        def on_epoch_end(self, trainer, model):
            with torch.no_grad():
                losses.append(((model.layers.eval()(x) - x) ** 2).mean().item())

    run = trainer(3, callbacks=[Reference()])
    run.fit(make_model(), make_loader(), validation=[Data(x=x[:5]), Data(x=x[5:])])

    seen = [record["validation_loss"] for record in run.history]
    assert seen == pytest.approx(losses, rel=1e-6)


def test_neighbors_of_centers_do_not_count_in_the_validation_loss(trainer, make_loader):
    class Model(nn.Linear):
        def loss(self, batch):
            return batch.value + 0 * self(batch.x).sum()

    batches = [
        Data(x=torch.zeros(9, 2), batch_size=3, value=torch.tensor(1.0)),
        Data(x=torch.zeros(1, 2), batch_size=1, value=torch.tensor(5.0)),
    ]
    run = trainer(1)
    run.fit(Model(2, 2), batches, validation=batches)

    assert run.history[0]["validation_loss"] == 2


def test_validation_with_random_choices_changes_no_weight_and_has_no_noise(
    trainer, make_model, make_loader
):
    class Model(nn.Linear):
        def loss(self, batch):
            return (self(batch.x) * torch.rand(1)).square().mean() * 1e-9

    def fit(shared):
        torch.manual_seed(0)
        model, loader = Model(2, 2), make_loader()
        validation = loader if shared else make_loader()
        run = trainer(4, lr=1e-12)
        run.fit(model, loader, validation=validation if shared is not None else None)
        return model, [record.get("validation_loss") for record in run.history]

    plain, _ = fit(None)
    for shared in (False, True):
        model, losses = fit(shared)
        assert torch.equal(model.weight, plain.weight)
        assert losses == pytest.approx([losses[0]] * 4, rel=1e-5)


def test_empty_validation_loader_is_an_error(trainer, make_model, make_loader):
    with pytest.raises(ValueError, match="validation loader yields no batches"):
        trainer(1).fit(make_model(), make_loader(), validation=[])
