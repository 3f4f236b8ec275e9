import logging

import pytest
import torch
from torch import nn
from torch_geometric.data import Data

from nrae_geometric.training import Trainer


def trainer(num_epochs=5, **options):
    return Trainer(num_epochs, **{"device": "cpu", "seed": 3, "progress": False, **options})


def test_losses_are_those_of_a_plain_loop(make_model):
    x = torch.randn(4, 2, generator=torch.Generator().manual_seed(1))
    batches = [Data(x=x[:3]), Data(x=x[3:])]
    model, reference = make_model().double(), make_model().double()
    model.layers[1] = reference.layers[1] = nn.Identity()
    batches = [Data(x=batch.x.double()) for batch in batches]
    optimizer = torch.optim.Adam(reference.parameters(), lr=0.01)
    expected = []
    for _ in range(4):
        losses = []
        for batch in batches:
            optimizer.zero_grad()
            loss = reference.loss(batch)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        expected.append(sum(losses) / 2)

    run = trainer(4, lr=0.01)
    run.fit(model, batches)

    assert [record["loss"] for record in run.history] == pytest.approx(expected, rel=1e-12)
    for ours, theirs in zip(model.parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=0)


def test_history_has_one_record_for_each_epoch(make_model, make_loader):
    run = trainer(12, lr=0.01)
    run.fit(make_model(), make_loader())

    assert [record["epoch"] for record in run.history] == list(range(12))
    assert all(record["lr"] == 0.01 for record in run.history)
    assert run.history[-1]["loss"] < run.history[0]["loss"]


def test_learning_rate_falls_after_80_percent(make_model, make_loader):
    run = trainer(60)
    run.fit(make_model(), make_loader())

    # Stepped after epochs 49 to 58, the schedule's first fall is in epoch 59.
    assert run.history[58]["lr"] == 1e-3
    assert run.history[59]["lr"] == pytest.approx(0.9e-3)


@pytest.mark.parametrize("generator", [True, False])
def test_same_seed_gives_the_same_run(make_model, make_loader, generator):
    histories = []
    for seed in (1, 1, 2):
        run = trainer(seed=seed)
        run.fit(make_model(), make_loader(generator))
        histories.append(run.history)

    assert histories[0] == histories[1]
    assert histories[0] != histories[2]


def test_fitting_twice_starts_a_new_history(make_model, make_loader):
    run = trainer(3)
    run.fit(make_model(), make_loader())
    run.fit(make_model(), make_loader())

    assert len(run.history) == 3


def test_callback_is_called_at_every_epoch_with_the_loss_and_the_model(make_model, make_loader):
    calls = []

    class Recorder:
        def on_epoch_end(self, epoch, loss, model):
            calls.append((epoch, loss, model))

    model = make_model()
    run = trainer(3, callbacks=[Recorder()])
    run.fit(model, make_loader())

    assert calls == [(record["epoch"], record["loss"], model) for record in run.history]


def test_callback_with_epochs_is_called_at_these_alone(make_model, make_loader):
    calls = []

    class Recorder:
        epochs = (0, 3)

        def on_epoch_end(self, epoch, loss, model):
            calls.append(epoch)

    trainer(5, callbacks=[Recorder()]).fit(make_model(), make_loader())

    assert calls == [0, 3]


def test_model_trains_in_training_mode_after_a_callback_left_it_in_evaluation(make_loader):
    modes = []

    class Model(nn.Linear):
        def loss(self, batch):
            modes.append(self.training)
            return self(batch.x).square().mean()

    class Evaluate:
        def on_epoch_end(self, epoch, loss, model):
            model.eval()

    trainer(2, callbacks=[Evaluate()]).fit(Model(2, 2), make_loader())

    assert all(modes)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_loss_that_is_not_finite_stops_with_epoch_rate_and_advice(make_loader, value):
    class Model(nn.Linear):
        epoch = -1

        def loss(self, batch):
            return self(batch.x).mean() * (value if self.epoch == 1 else 1.0)

    class Count:
        def on_epoch_end(self, epoch, loss, model):
            model.epoch = epoch

    run = trainer(9, lr=0.02, callbacks=[Count()])
    with pytest.raises(FloatingPointError, match=r"epoch 2.*0\.02.*smaller learning rate"):
        run.fit(Model(2, 2), make_loader())
    assert len(run.history) == 2


def test_double_precision_converts_model_and_points(make_model, make_loader):
    model = make_model()
    trainer(2, precision="64-true").fit(model, make_loader())

    assert {parameter.dtype for parameter in model.parameters()} == {torch.float64}


def test_mixed_precision_keeps_the_weights_in_full(make_model, make_loader):
    model = make_model()
    run = trainer(3, precision="bf16-mixed")
    run.fit(model, make_loader())

    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert len(run.history) == 3


def test_points_of_another_floating_type_are_converted_for_the_step_alone(make_model):
    batch = Data(x=torch.randn(4, 2, dtype=torch.float64))
    trainer(1).fit(make_model(), [batch])

    assert batch.x.dtype == torch.float64


@pytest.mark.slow
@pytest.mark.skipif(
    " " in torch.__file__, reason="PyTorch's compiler cannot link to a PyTorch in such a folder"
)
def test_compiled_loss_trains_as_the_plain_one(make_model, make_loader):
    histories = []
    for compiled in (False, True):
        model = make_model()
        model.layers[1] = nn.Identity()
        run = trainer(3, compile=compiled)
        run.fit(model, make_loader())
        histories.append([record["loss"] for record in run.history])

    assert histories[1] == pytest.approx(histories[0], rel=1e-5)


def test_empty_loader_is_an_error(make_model):
    with pytest.raises(ValueError, match="no batches"):
        trainer(1).fit(make_model(), [])


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"num_epochs": 0}, "num_epochs must be at least 1, got 0"),
        ({"lr": 0.0}, r"lr must be positive and finite, got 0\.0"),
        ({"lr": float("nan")}, "got nan"),
    ],
)
def test_impossible_arguments_are_refused(options, match):
    with pytest.raises(ValueError, match=match):
        trainer(**options)


def test_progress_bar_shows_loss_and_rate(make_model, make_loader, capsys):
    trainer(20, progress=True).fit(make_model(), make_loader())

    shown = capsys.readouterr().err
    assert "loss=" in shown
    assert "epoch/s" in shown


def test_nothing_is_printed_without_progress(make_model, make_loader, capsys, caplog):
    with caplog.at_level(logging.WARNING):
        trainer(2).fit(make_model(), make_loader())

    assert capsys.readouterr() == ("", "")
    assert not caplog.records
