"""An interrupted and resumed run is the uninterrupted one, bit for bit."""

import os
import signal

import pytest
import torch

from nrae_geometric.training import Trainer

NUM_EPOCHS = 14


class InterruptAt:
    """Presses Ctrl-C during an epoch, as often as told."""

    def __init__(self, epoch, times=1):
        self.epoch = epoch
        self.times = times

    def on_epoch_end(self, epoch, loss, model):
        if epoch == self.epoch:
            for _ in range(self.times):
                os.kill(os.getpid(), signal.SIGINT)


class Losses:
    """A callback with a state."""

    def __init__(self):
        self.losses = []

    def on_epoch_end(self, epoch, loss, model):
        self.losses.append(loss)

    def state_dict(self):
        return {"losses": list(self.losses)}

    def load_state_dict(self, state):
        self.losses = list(state["losses"])


def trainer(checkpoint=None, callbacks=(), num_epochs=NUM_EPOCHS, **options):
    return Trainer(
        num_epochs,
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


@pytest.mark.parametrize("generator", [True, False])
@pytest.mark.parametrize("epoch", [0, 5, 12, NUM_EPOCHS - 1])
def test_resumed_run_equals_the_uninterrupted_one(
    make_model, make_loader, tmp_path, epoch, generator
):
    whole = trainer()
    expected = make_model()
    whole.fit(expected, make_loader(generator))
    checkpoint = tmp_path / "run" / "checkpoint.pt"
    with pytest.raises(KeyboardInterrupt):
        trainer(checkpoint, [InterruptAt(epoch)]).fit(make_model(), make_loader(generator))

    torch.rand(5)  # another process would not have the first one's random state
    model = make_model(seed=99)
    resumed = trainer(checkpoint, [InterruptAt(-1)])
    resumed.fit(model, make_loader(generator), resume=True)

    assert resumed.history == whole.history
    assert_equal_weights(model, expected)


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

    whole = trainer()
    expected = make_model()
    whole.fit(expected, make_loader())
    checkpoint = tmp_path / "checkpoint.pt"
    with pytest.raises(KeyboardInterrupt):
        trainer(checkpoint).fit(make_model(), InterruptingLoader())

    model = make_model(seed=99)
    resumed = trainer(checkpoint)
    resumed.fit(model, make_loader(), resume=True)

    assert resumed.history == whole.history
    assert_equal_weights(model, expected)


def test_resumed_callbacks_have_seen_every_epoch(make_model, make_loader, tmp_path):
    checkpoint = tmp_path / "checkpoint.pt"
    with pytest.raises(KeyboardInterrupt):
        trainer(checkpoint, [Losses(), InterruptAt(4)]).fit(make_model(), make_loader())

    losses = Losses()
    resumed = trainer(checkpoint, [losses, InterruptAt(-1)])
    resumed.fit(make_model(), make_loader(), resume=True)

    assert losses.losses == [record["loss"] for record in resumed.history]


def test_finished_run_can_be_trained_for_more_epochs(make_model, make_loader, tmp_path):
    checkpoint = tmp_path / "checkpoint.pt"
    trainer(checkpoint, num_epochs=4).fit(make_model(), make_loader())

    longer = trainer(checkpoint, num_epochs=9)
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


def test_second_interrupt_stops_at_once_and_saves_nothing(make_model, make_loader, tmp_path):
    checkpoint = tmp_path / "checkpoint.pt"
    run = trainer(checkpoint, [InterruptAt(2, times=2)])
    with pytest.raises(KeyboardInterrupt):
        run.fit(make_model(), make_loader())

    assert not checkpoint.exists()


def test_handler_of_the_caller_is_back_after_training(make_model, make_loader, tmp_path):
    before = signal.getsignal(signal.SIGINT)
    trainer(tmp_path / "checkpoint.pt", num_epochs=1).fit(make_model(), make_loader())

    assert signal.getsignal(signal.SIGINT) is before


def test_checkpoint_executes_nothing_when_read(make_model, make_loader, tmp_path):
    checkpoint = tmp_path / "checkpoint.pt"
    trainer(checkpoint, [Losses()], num_epochs=2).fit(make_model(), make_loader())

    state = torch.load(checkpoint, weights_only=True)

    assert state["completed_epochs"] == 2
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.pt"]


def test_resuming_without_a_checkpoint_file_is_an_error(make_model, make_loader, tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing to resume"):
        trainer(tmp_path / "absent.pt").fit(make_model(), make_loader(), resume=True)


def test_resuming_without_a_checkpoint_path_is_an_error(make_model, make_loader):
    with pytest.raises(ValueError, match="checkpoint="):
        trainer().fit(make_model(), make_loader(), resume=True)


def test_damaged_checkpoint_is_an_error_that_names_it(make_model, make_loader, tmp_path):
    checkpoint = tmp_path / "checkpoint.pt"
    checkpoint.write_bytes(b"not a checkpoint")
    with pytest.raises(ValueError, match=r"checkpoint\.pt is not a checkpoint"):
        trainer(checkpoint).fit(make_model(), make_loader(), resume=True)


def test_checkpoint_of_another_model_is_an_error(make_model, make_loader, tmp_path):
    checkpoint = tmp_path / "checkpoint.pt"
    trainer(checkpoint, num_epochs=1).fit(make_model(), make_loader())
    other = make_model()
    other.layers[0] = torch.nn.Linear(2, 9)
    with pytest.raises(ValueError, match="another model"):
        trainer(checkpoint).fit(other, make_loader(), resume=True)


def test_checkpoint_of_other_callbacks_is_an_error(make_model, make_loader, tmp_path):
    checkpoint = tmp_path / "checkpoint.pt"
    trainer(checkpoint, [Losses()], num_epochs=1).fit(make_model(), make_loader())
    with pytest.raises(ValueError, match="1 callbacks, this trainer has 0"):
        trainer(checkpoint).fit(make_model(), make_loader(), resume=True)


def test_checkpoint_of_a_loader_with_generator_needs_one(make_model, make_loader, tmp_path):
    checkpoint = tmp_path / "checkpoint.pt"
    trainer(checkpoint, num_epochs=1).fit(make_model(), make_loader())
    with pytest.raises(ValueError, match="generator"):
        trainer(checkpoint).fit(make_model(), make_loader(generator=False), resume=True)
