"""An interrupted and resumed run is the uninterrupted one, bit for bit."""

import logging
import os
import signal
from typing import NamedTuple

import pytest
import torch
from torch import nn
from torch_geometric import seed_everything
from torch_geometric.data import Data

from nrae_geometric.callbacks import (
    CurveRecorder,
    EarlyStopping,
    EmbeddingStart,
    MetricRecorder,
)
from nrae_geometric.datasets import SinCurve
from nrae_geometric.loader import NeighborhoodLoader
from nrae_geometric.nn import NRAE, mlp
from nrae_geometric.training import Callback, Trainer
from nrae_geometric.training.checkpoint import load_checkpoint
from nrae_geometric.transforms import KNNGraph

NUM_EPOCHS = 14


class Losses(Callback):
    """A callback with a state."""

    def __init__(self):
        self.losses = []

    def on_epoch_end(self, trainer, model):
        self.losses.append(trainer.history[-1]["loss"])

    def state_dict(self):
        return {"losses": list(self.losses)}

    def load_state_dict(self, state):
        self.losses = list(state["losses"])


def trainer(checkpoint=None, callbacks=(), max_epochs=NUM_EPOCHS, **options):
    return Trainer(
        max_epochs,
        lr=0.01,
        device="cpu",
        seed=3,
        checkpoint=checkpoint,
        callbacks=callbacks,
        progress=False,
        **options,
    )


def assert_equal_weights(first, second):
    for ours, theirs in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def assert_equal_states(first, second):
    """Of callbacks; tensors and nested dictionaries bit for bit."""
    if isinstance(first, torch.Tensor):
        assert torch.equal(first, second)
    elif isinstance(first, dict):
        assert first.keys() == second.keys()
        for name, value in first.items():
            assert_equal_states(value, second[name])
    else:
        assert first == second


class Case(NamedTuple):
    """What one run consists of, made anew for each run."""

    model: nn.Module
    loader: object
    callbacks: list
    validation: object = None
    options: dict = {}  # noqa: RUF012


def curve_case(seed, callbacks, **options):
    data = KNNGraph(4)(SinCurve(24, seed=0)[0])
    loader = NeighborhoodLoader(data, 2, batch_size=8, shuffle=True, generator=torch.Generator())
    validation = NeighborhoodLoader(data, 2, batch_size=7)
    seed_everything(seed)
    encoder = nn.Sequential(mlp([2, 8, 1], "elu"), nn.Dropout(0.1))
    model = NRAE(encoder, mlp([1, 8, 2], "elu"))
    return Case(model, loader, callbacks(data), validation, options)


def recorders(data):
    return [
        MetricRecorder(["shortcut_edges"], data, every=3),
        CurveRecorder(data, order=1),
    ]


def start(data):
    return [EmbeddingStart(num_steps=20)]


def stopping(data):
    return [EarlyStopping(3, min_delta=0.02), *recorders(data)]


CASES = {
    "recorders": lambda seed: curve_case(seed, recorders),
    "start": lambda seed: curve_case(seed, start),
    "stopping": lambda seed: curve_case(seed, stopping),
    "half precision": lambda seed: curve_case(seed, start, precision="bf16-mixed"),
    "scaled loss": lambda seed: curve_case(seed, start, precision="16-mixed"),
}


@pytest.fixture
def make_case(request, make_model, make_loader):
    def make(seed):
        if request.param in CASES:
            return CASES[request.param](seed)
        return Case(make_model(seed), make_loader(request.param == "generator"), [Losses()])

    return make


@pytest.mark.parametrize("make_case", ["generator", "no generator", *CASES], indirect=True)
@pytest.mark.parametrize("epoch", [0, 6, NUM_EPOCHS - 1])
def test_resumed_run_equals_the_uninterrupted_one(make_case, tmp_path, epoch, signal_at):
    def fit(case, *callbacks, checkpoint=None, resume=False):
        run = trainer(checkpoint, [*case.callbacks, *callbacks], **case.options)
        run.fit(case.model, case.loader, validation=case.validation, resume=resume)
        return run.history

    whole, resumed = make_case(0), make_case(99)
    expected = fit(whole)
    checkpoint = tmp_path / "run" / "checkpoint.pt"
    epoch = min(epoch, len(expected) - 1)
    with pytest.raises(KeyboardInterrupt):
        fit(make_case(0), signal_at(epoch), checkpoint=checkpoint)
    torch.rand(5)  # another process would not have the first one's random state
    history = fit(resumed, checkpoint=checkpoint, resume=True)

    assert history == expected
    assert_equal_weights(resumed.model, whole.model)
    for ours, theirs in zip(resumed.callbacks, whole.callbacks, strict=True):
        assert_equal_states(ours.state_dict(), theirs.state_dict())


def test_interrupt_in_the_middle_of_an_epoch_completes_it(make_model, make_loader, tmp_path):
    class InterruptingLoader:
        def __init__(self):
            self.loader = make_loader()
            self.generator = self.loader.generator
            self.epoch = -1

        def __iter__(self):
            self.epoch += 1
            for index, batch in enumerate(self.loader):
                if (self.epoch, index) == (5, 1):
                    os.kill(os.getpid(), signal.SIGINT)
                yield batch

    checkpoint = tmp_path / "checkpoint.pt"
    with pytest.raises(KeyboardInterrupt):
        trainer(checkpoint).fit(make_model(), InterruptingLoader())

    assert load_checkpoint(checkpoint)["completed_epochs"] == 6


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_request_to_terminate_reaches_the_program_after_the_epoch_is_saved(
    make_model, make_loader, tmp_path, signal_at, number
):
    checkpoint = tmp_path / "checkpoint.pt"
    saved = []
    before = signal.signal(number, lambda *_: saved.append(checkpoint.exists()))
    try:
        with pytest.raises(KeyboardInterrupt):
            trainer(checkpoint, [signal_at(2, number)]).fit(make_model(), make_loader())
    finally:
        signal.signal(number, before)

    assert saved == [True]
    assert load_checkpoint(checkpoint)["completed_epochs"] == 3


def test_ignored_signal_stays_ignored(make_model, make_loader, tmp_path, signal_at):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        run = trainer(tmp_path / "checkpoint.pt", [signal_at(2, signal.SIGHUP)])
        run.fit(make_model(), make_loader())
    finally:
        signal.signal(signal.SIGHUP, before)

    assert len(run.history) == NUM_EPOCHS


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_during_the_start_is_heeded_once_the_start_is_saved(tmp_path, number):
    class Signal(Callback):
        def on_fit_start(self, trainer, model):
            os.kill(os.getpid(), number)

    whole, stopped, resumed = (CASES["start"](seed) for seed in (0, 0, 99))
    trainer(callbacks=whole.callbacks).fit(whole.model, whole.loader)
    checkpoint = tmp_path / "checkpoint.pt"
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            trainer(checkpoint, [Signal(), *stopped.callbacks]).fit(stopped.model, stopped.loader)
    finally:
        signal.signal(signal.SIGTERM, before)
    run = trainer(checkpoint, resumed.callbacks)
    run.fit(resumed.model, resumed.loader, resume=True)

    assert len(run.history) == NUM_EPOCHS
    assert_equal_weights(resumed.model, whole.model)


def test_checkpoint_of_other_settings_is_refused(make_model, make_loader, tmp_path):
    checkpoint = tmp_path / "checkpoint.pt"
    trainer(checkpoint, fingerprint="one", max_epochs=2).fit(make_model(), make_loader())
    for fingerprint in ("another", None):
        with pytest.raises(ValueError, match=r"checkpoint\.pt .*: it is of a run with other"):
            trainer(checkpoint, fingerprint=fingerprint).fit(
                make_model(), make_loader(), resume=True
            )


def test_checkpoint_of_a_longer_run_is_refused_and_kept(make_model, make_loader, tmp_path):
    checkpoint = tmp_path / "checkpoint.pt"
    trainer(checkpoint, max_epochs=4).fit(make_model(), make_loader())
    before = checkpoint.read_bytes()
    with pytest.raises(ValueError, match="resume it with at least 4"):
        trainer(checkpoint, max_epochs=3).fit(make_model(), make_loader(), resume=True)

    assert checkpoint.read_bytes() == before


def test_second_interrupt_stops_at_once_and_saves_nothing(
    make_model, make_loader, tmp_path, signal_at
):
    checkpoint = tmp_path / "checkpoint.pt"
    run = trainer(checkpoint, [signal_at(2, signal.SIGINT, signal.SIGINT)])
    with pytest.raises(KeyboardInterrupt):
        run.fit(make_model(), make_loader())

    assert not checkpoint.exists()


def test_handlers_of_the_caller_are_back_after_training(make_model, make_loader, tmp_path):
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    trainer(tmp_path / "checkpoint.pt", max_epochs=1).fit(make_model(), make_loader())

    assert [signal.getsignal(number) for number in numbers] == before


def test_finished_run_can_be_trained_for_more_epochs(make_model, make_loader, tmp_path):
    checkpoint = tmp_path / "checkpoint.pt"
    trainer(checkpoint, max_epochs=4).fit(make_model(), make_loader())

    longer = trainer(checkpoint, max_epochs=9)
    longer.fit(make_model(), make_loader(), resume=True)

    assert [record["epoch"] for record in longer.history] == list(range(9))


def test_resuming_a_finished_run_changes_nothing(make_model, make_loader, tmp_path):
    checkpoint = tmp_path / "checkpoint.pt"
    expected = make_model()
    first = trainer(checkpoint)
    first.fit(expected, make_loader())

    model = make_model(seed=99)
    again = trainer(checkpoint)
    again.fit(model, make_loader(), resume=True)

    assert again.history == first.history
    assert_equal_weights(model, expected)


def test_run_that_a_callback_has_ended_stays_ended(make_model, make_loader, tmp_path):
    class Stop(Callback):
        def on_epoch_end(self, trainer, model):
            trainer.request_stop("enough")

    checkpoint = tmp_path / "checkpoint.pt"
    trainer(checkpoint, [Stop()]).fit(make_model(), make_loader())
    again = trainer(checkpoint)
    again.fit(make_model(), make_loader(), resume=True)

    assert again.stop_reason == "enough"
    assert len(again.history) == 1


def test_last_checkpoint_holds_what_callbacks_leave_at_the_end(make_model, make_loader, tmp_path):
    class Zero(Callback):
        def on_fit_end(self, trainer, model):
            nn.init.zeros_(model.layers[0].weight)

    checkpoint = tmp_path / "checkpoint.pt"
    trainer(checkpoint, [Zero()], max_epochs=1).fit(make_model(), make_loader())

    assert not load_checkpoint(checkpoint)["model"]["layers.0.weight"].any()


def test_checkpoint_executes_nothing_when_read(make_model, make_loader, tmp_path):
    checkpoint = tmp_path / "checkpoint.pt"
    trainer(checkpoint, [Losses()], max_epochs=2).fit(make_model(), make_loader())

    state = load_checkpoint(checkpoint)

    assert state["completed_epochs"] == 2
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.pt"]


def test_state_of_an_absent_callback_is_left_out_with_a_warning(
    make_model, make_loader, tmp_path, caplog
):
    checkpoint = tmp_path / "checkpoint.pt"
    trainer(checkpoint, [Losses()], max_epochs=1).fit(make_model(), make_loader())
    with caplog.at_level(logging.WARNING):
        trainer(checkpoint).fit(make_model(), make_loader(), resume=True)

    assert "Losses" in caplog.text


def test_callback_without_a_state_starts_afresh_with_a_warning(
    make_model, make_loader, tmp_path, caplog
):
    checkpoint, losses = tmp_path / "checkpoint.pt", Losses()
    trainer(checkpoint, max_epochs=2).fit(make_model(), make_loader())
    with caplog.at_level(logging.WARNING):
        trainer(checkpoint, [losses], 5).fit(make_model(), make_loader(), resume=True)

    assert "Losses" in caplog.text
    assert len(losses.losses) == 3


def test_order_of_callbacks_may_change(make_model, make_loader, tmp_path, signal_at, caplog):
    checkpoint = tmp_path / "checkpoint.pt"
    callbacks = [Losses(), signal_at(-1)]
    trainer(checkpoint, callbacks, max_epochs=2).fit(make_model(), make_loader())
    callbacks = [signal_at(-1), Losses()]
    trainer(checkpoint, callbacks, max_epochs=4).fit(make_model(), make_loader(), resume=True)

    assert len(callbacks[1].losses) == 4
    assert not caplog.records


def test_resuming_without_a_checkpoint_file_is_an_error(make_model, make_loader, tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing to resume"):
        trainer(tmp_path / "absent.pt").fit(make_model(), make_loader(), resume=True)


def test_resuming_without_a_checkpoint_path_is_an_error(make_model, make_loader):
    with pytest.raises(ValueError, match="checkpoint="):
        trainer().fit(make_model(), make_loader(), resume=True)


def test_checkpoint_of_a_loader_with_generator_needs_one(make_model, make_loader, tmp_path):
    checkpoint = tmp_path / "checkpoint.pt"
    trainer(checkpoint, max_epochs=1).fit(make_model(), make_loader())
    with pytest.raises(ValueError, match="generator"):
        trainer(checkpoint).fit(make_model(), make_loader(generator=False), resume=True)


def test_points_of_another_size_do_not_matter_to_a_resumed_run(make_model, tmp_path):
    checkpoint = tmp_path / "checkpoint.pt"
    trainer(checkpoint, max_epochs=1).fit(make_model(), [Data(x=torch.rand(4, 2))])
    longer = trainer(checkpoint, max_epochs=2)
    longer.fit(make_model(), [Data(x=torch.rand(7, 2))], resume=True)

    assert len(longer.history) == 2
