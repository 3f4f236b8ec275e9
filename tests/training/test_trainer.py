import copy
import logging
import random
from contextlib import nullcontext

import numpy as np
import pytest
import torch
from torch import nn
from torch_geometric.data import Data
from torch_geometric.loader import DataLoader

from nrae_geometric.training import Callback


def test_losses_are_those_of_a_plain_loop(trainer, make_model):
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


def test_history_has_one_record_for_each_epoch(trainer, make_model, make_loader):
    run = trainer(12, lr=0.01)
    run.fit(make_model(), make_loader())

    assert [record["epoch"] for record in run.history] == list(range(12))
    assert all(record["lr"] == 0.01 for record in run.history)
    assert run.history[-1]["loss"] < run.history[0]["loss"]


def test_learning_rate_falls_after_80_percent(trainer, make_model, make_loader):
    run = trainer(60)
    run.fit(make_model(), make_loader())

    # Stepped after epochs 49 to 58, the schedule's first fall is in epoch 59.
    assert run.history[58]["lr"] == 1e-3
    assert run.history[59]["lr"] == pytest.approx(0.9e-3)


@pytest.mark.parametrize("generator", [True, False])
def test_same_seed_gives_the_same_run(trainer, make_model, make_loader, generator):
    histories = []
    for seed in (1, 1, 2):
        run = trainer(seed=seed)
        run.fit(make_model(), make_loader(generator))
        histories.append(run.history)

    assert histories[0] == histories[1]
    assert histories[0] != histories[2]


def test_batches_from_a_worker_are_those_of_the_process_itself(trainer, make_model, make_loader):
    histories = []
    for workers in (0, 1):
        loader = DataLoader(
            make_loader().dataset,
            batch_size=4,
            shuffle=True,
            generator=torch.Generator(),
            num_workers=workers,
        )
        run = trainer(2)
        run.fit(make_model(), loader, validation=loader)
        histories.append(run.history)

    assert histories[0] == histories[1]


def test_fitting_twice_starts_a_new_history(trainer, make_model, make_loader):
    run = trainer(3)
    run.fit(make_model(), make_loader())
    run.fit(make_model(), make_loader())

    assert len(run.history) == 3


def test_two_runs_of_one_optimizer_are_one_longer_run(trainer, make_model):
    batches = [Data(x=torch.randn(4, 2, generator=torch.Generator().manual_seed(1)))]
    models = [make_model(), make_model()]
    for model in models:
        model.layers[1] = nn.Identity()
    options = {"lr": 0.01, "schedule": lambda epoch, max_epochs: 1.0}
    whole, part = trainer(2, **options), trainer(1, **options)
    whole.fit(models[0], batches)
    part.fit(models[1], batches)
    state = part.optimizer_state
    for _ in range(2):  # the state is left as it was
        model = copy.deepcopy(models[1])
        part.fit(model, batches, optimizer_state=state)
        for ours, theirs in zip(model.parameters(), models[0].parameters(), strict=True):
            assert torch.equal(ours, theirs)


def test_callbacks_are_called_in_order_with_what_they_may_know(trainer, make_model, make_loader):
    calls = []

    class Watch(Callback):
        def __init__(self, name):
            self.name = name

        def on_fit_start(self, trainer, model):
            calls.append((self.name, "start", trainer.epoch, trainer.resumed))

        def on_epoch_end(self, trainer, model):
            calls.append((self.name, "epoch", trainer.epoch, trainer.is_last_epoch))
            assert [record["epoch"] for record in trainer.history] == [*range(trainer.epoch + 1)]
            assert (trainer.loader, trainer.validation) == (loader, None)

        def on_fit_end(self, trainer, model):
            calls.append((self.name, "end", trainer.epoch, trainer.is_last_epoch))

    loader = make_loader()
    trainer(2, callbacks=[Watch("a"), Watch("b")]).fit(make_model(), loader)

    assert calls == [
        ("a", "start", 0, False),
        ("b", "start", 0, False),
        ("a", "epoch", 0, False),
        ("b", "epoch", 0, False),
        ("a", "epoch", 1, True),
        ("b", "epoch", 1, True),
        ("a", "end", 1, True),
        ("b", "end", 1, True),
    ]


def test_run_ends_after_the_epoch_in_which_a_callback_asks_for_it(trainer, make_model, make_loader):
    ended = []

    class Stop(Callback):
        def on_epoch_end(self, trainer, model):
            if trainer.epoch == 2:
                trainer.request_stop("enough")

        def on_fit_end(self, trainer, model):
            ended.append(trainer.stop_reason)

    run = trainer(9, callbacks=[Stop()])
    run.fit(make_model(), make_loader())

    assert len(run.history) == 3
    assert ended == ["enough"]


def test_reason_of_one_run_is_not_that_of_the_next(trainer, make_model, make_loader):
    class StopOnce(Callback):
        reasons = iter(["enough"])

        def on_epoch_end(self, trainer, model):
            for reason in self.reasons:
                trainer.request_stop(reason)

    run = trainer(4, callbacks=[StopOnce()])
    run.fit(make_model(), make_loader())
    run.fit(make_model(), make_loader())

    assert run.stop_reason is None
    assert len(run.history) == 4


def test_two_callbacks_of_one_name_are_refused_with_advice(trainer):
    with pytest.raises(ValueError, match=r"2 callbacks .* 'Callback'.*`name`"):
        trainer(callbacks=[Callback(), Callback()])


def test_something_else_is_refused_as_a_callback(trainer):
    with pytest.raises(TypeError, match="Callback"):
        trainer(callbacks=[print])


def test_schedule_multiplies_the_learning_rate(trainer, make_model, make_loader):
    run = trainer(3, lr=0.1, schedule=lambda epoch, max_epochs: (epoch + 1) / max_epochs)
    run.fit(make_model(), make_loader())

    assert [record["lr"] for record in run.history] == pytest.approx([0.1 / 3, 0.2 / 3, 0.1])


def test_schedule_that_a_callback_chooses_holds_for_one_run(trainer, make_model, make_loader):
    class Halve(Callback):
        def on_fit_start(self, trainer, model):
            trainer.schedule = trainer.schedule or (lambda epoch, max_epochs: 0.5)

    run = trainer(2, lr=0.1, callbacks=[Halve()])
    run.fit(make_model(), make_loader())

    assert [record["lr"] for record in run.history] == [0.05, 0.05]
    assert run.schedule is None


@pytest.mark.parametrize("fails", [False, True])
def test_seeded_run_leaves_the_global_generators_as_they_were(
    trainer, make_model, make_loader, fails
):
    class Fail(Callback):
        def on_epoch_end(self, trainer, model):
            random.random(), np.random.rand(), torch.rand(1)  # noqa: NPY002
            if fails:
                raise RuntimeError("enough")

    def draws():
        return random.random(), np.random.rand(), torch.rand(1).item()  # noqa: NPY002

    model = make_model()
    expected = draws()
    model = make_model()
    with pytest.raises(RuntimeError, match="enough") if fails else nullcontext():
        trainer(2, seed=5, callbacks=[Fail()]).fit(model, make_loader())

    assert draws() == expected


def test_unseeded_run_draws_from_the_global_generators(trainer, make_model, make_loader):
    histories = []
    for _ in range(2):
        model = make_model()
        for _ in range(2):
            run = trainer(1, seed=None)
            run.fit(model, make_loader(generator=False))
            histories.append(run.history)

    assert histories[:2] == histories[2:]


def test_model_trains_in_training_mode_after_a_callback_left_it_in_evaluation(trainer, make_loader):
    modes = []

    class Model(nn.Linear):
        def loss(self, batch):
            modes.append(self.training)
            return self(batch.x).square().mean()

    class Evaluate(Callback):
        def on_epoch_end(self, trainer, model):
            model.eval()

    trainer(2, callbacks=[Evaluate()]).fit(Model(2, 2), make_loader())

    assert all(modes)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_loss_that_is_not_finite_stops_with_epoch_rate_and_advice(trainer, make_loader, value):
    class Model(nn.Linear):
        epoch = -1

        def loss(self, batch):
            return self(batch.x).mean() * (value if self.epoch == 1 else 1.0)

    class Count(Callback):
        def on_epoch_end(self, trainer, model):
            model.epoch = trainer.epoch

    run = trainer(9, lr=0.02, callbacks=[Count()])
    with pytest.raises(FloatingPointError, match=r"epoch 2.*0\.02.*smaller learning rate"):
        run.fit(Model(2, 2), make_loader())
    assert len(run.history) == 2


@pytest.mark.slow
@pytest.mark.skipif(
    " " in torch.__file__, reason="PyTorch's compiler cannot link to a PyTorch in such a folder"
)
def test_compiled_loss_trains_as_the_plain_one(trainer, make_model, make_loader):
    histories = []
    for compiled in (False, True):
        model = make_model()
        model.layers[1] = nn.Identity()
        run = trainer(3, compile=compiled)
        run.fit(model, make_loader())
        histories.append([record["loss"] for record in run.history])

    assert histories[1] == pytest.approx(histories[0], rel=1e-5)


def test_empty_loader_is_an_error(trainer, make_model):
    with pytest.raises(ValueError, match="no batches"):
        trainer(1).fit(make_model(), [])


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"max_epochs": 0}, "max_epochs must be at least 1, got 0"),
        ({"max_epochs": 2.5}, r"max_epochs must be an integer, got 2\.5"),
        ({"lr": 0.0}, r"lr must be finite and above 0, got 0\.0"),
        ({"lr": float("nan")}, "got nan"),
        ({"lr": "fast"}, "got 'fast'"),
        ({"seed": -1}, "seed must be at least 0 and at most 4294967295, got -1"),
        ({"seed": "one"}, "seed must be an integer, got 'one'"),
        ({"precision": "double"}, "'double' is not known; choose one of '32-true', '64-true'"),
        ({"schedule": "cosine"}, "schedule must be a function .* got 'cosine'"),
        ({"device": "tpu"}, "device 'tpu' is not understood"),
    ],
)
def test_impossible_arguments_are_refused(trainer, options, match):
    with pytest.raises((TypeError, ValueError), match=match):
        trainer(**options)


def test_numbers_of_numpy_become_those_of_python(trainer):
    run = trainer(np.int64(3), lr=np.float32(0.5), seed=np.int32(7))

    assert [type(value) for value in (run.max_epochs, run.lr, run.seed)] == [int, float, int]
    assert (run.max_epochs, run.lr, run.seed) == (3, 0.5, 7)


def test_progress_bar_shows_loss_and_rate(trainer, make_model, make_loader, capsys):
    trainer(20, progress=True).fit(make_model(), make_loader())

    shown = capsys.readouterr().err
    assert "loss=" in shown
    assert "epoch/s" in shown


def test_nothing_is_printed_without_progress(trainer, make_model, make_loader, capsys, caplog):
    with caplog.at_level(logging.WARNING):
        trainer(2).fit(make_model(), make_loader())

    assert capsys.readouterr() == ("", "")
    assert not caplog.records
