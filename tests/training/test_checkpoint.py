"""What a checkpoint may hold, and which files and runs one is not gone on from."""

import numpy as np
import pytest
import torch

from nrae_geometric.training import Callback, Trainer
from nrae_geometric.training.checkpoint import (
    load_checkpoint,
    previous_checkpoint,
    save_checkpoint,
)


def trainer(checkpoint, max_epochs=9, **options):
    defaults = {"device": "cpu", "seed": 3, "progress": False}
    return Trainer(max_epochs, checkpoint=checkpoint, **{**defaults, **options})


@pytest.mark.parametrize("content", [b"not a checkpoint", b""])
def test_damaged_checkpoint_is_an_error_that_names_it(make_model, make_loader, tmp_path, content):
    checkpoint = tmp_path / "checkpoint.pt"
    checkpoint.write_bytes(content)
    with pytest.raises(ValueError, match=r"checkpoint\.pt is not a checkpoint file.*; train anew"):
        trainer(checkpoint).fit(make_model(), make_loader(), resume=True)


def test_file_of_something_else_is_an_error_that_names_it(make_model, make_loader, tmp_path):
    checkpoint = tmp_path / "checkpoint.pt"
    torch.save(make_model().state_dict(), checkpoint)
    with pytest.raises(ValueError, match=r"checkpoint\.pt is not a checkpoint file"):
        trainer(checkpoint).fit(make_model(), make_loader(), resume=True)


def test_checkpoint_of_another_model_is_an_error(make_model, make_loader, tmp_path):
    checkpoint = tmp_path / "checkpoint.pt"
    trainer(checkpoint, max_epochs=1).fit(make_model(), make_loader())
    others = [make_model(), make_model()]
    others[0].layers[0] = torch.nn.Linear(2, 9)
    others[1].layers[1] = torch.nn.ReLU()  # with weights of the same shapes
    for other in others:
        with pytest.raises(ValueError, match=r"checkpoint\.pt does not fit .*its architecture"):
            trainer(checkpoint).fit(other, make_loader(), resume=True)


@pytest.mark.parametrize("option", [{"seed": 2}, {"precision": "64-true"}])
def test_checkpoint_of_other_options_is_an_error(make_model, make_loader, tmp_path, option):
    checkpoint = tmp_path / "checkpoint.pt"
    trainer(checkpoint, max_epochs=1).fit(make_model(), make_loader())
    (name,) = option
    with pytest.raises(ValueError, match=rf"checkpoint\.pt does not fit this run: its {name}"):
        trainer(checkpoint, **option).fit(make_model(), make_loader(), resume=True)


class Plain(Callback):
    def __init__(self, value):
        self.value = value

    def state_dict(self):
        return {"value": self.value}

    def load_state_dict(self, state):
        self.value = state["value"]


def test_states_of_numpy_are_saved_and_come_back(make_model, make_loader, tmp_path):
    checkpoint = tmp_path / "checkpoint"
    value = {"best": np.float32(0.5), "at": (np.int64(3), np.arange(3)), 0: [tmp_path]}
    first = trainer(checkpoint, lr=np.float64(1e-3), callbacks=[Plain(value)], max_epochs=1)
    first.fit(make_model(), make_loader())
    again = Plain(None)
    longer = trainer(checkpoint, lr=np.float64(1e-3), callbacks=[again], max_epochs=np.int64(2))
    longer.fit(make_model(), make_loader(), resume=True)

    assert again.value["best"] == 0.5
    assert again.value["at"][0] == 3
    np.testing.assert_array_equal(again.value["at"][1], np.arange(3))
    assert again.value[0] == [str(tmp_path)]


def test_state_that_no_file_holds_is_refused_before_the_first_epoch(
    make_model, make_loader, tmp_path
):
    run = trainer(tmp_path / "checkpoint.pt", callbacks=[Plain({"set": {1, 2}})])
    with pytest.raises(TypeError, match=r"callbacks\.Plain\.value\.set cannot be saved"):
        run.fit(make_model(), make_loader())
    assert not run.history


def test_folder_that_cannot_be_written_is_an_error_before_the_first_epoch(
    make_model, make_loader, tmp_path
):
    (tmp_path / "file").touch()
    run = trainer(tmp_path / "file" / "checkpoint.pt")
    with pytest.raises(OSError, match="file"):
        run.fit(make_model(), make_loader())
    assert not run.history


@pytest.mark.parametrize("name", ["run", "run.of.dots", ".hidden", "zwei Wörter.pt", "r" * 240])
def test_checkpoints_of_any_name_are_resumed(make_model, make_loader, tmp_path, name):
    trainer(tmp_path / name, max_epochs=1).fit(make_model(), make_loader())
    longer = trainer(tmp_path / name, max_epochs=2)
    longer.fit(make_model(), make_loader(), resume=True)
    assert len(longer.history) == 2


@pytest.fixture
def two_checkpoints(make_model, make_loader, tmp_path):
    path = tmp_path / "checkpoint.pt"
    trainer(path, max_epochs=1).fit(make_model(), make_loader())
    trainer(path, max_epochs=2).fit(make_model(), make_loader(), resume=True)
    return path


def test_damaged_checkpoint_offers_the_one_before_it(two_checkpoints, make_model, make_loader):
    data = bytearray(two_checkpoints.read_bytes())
    data[len(data) // 2] ^= 1
    two_checkpoints.write_bytes(data)
    with pytest.raises(
        ValueError, match=r"checkpoint\.pt is damaged.*checkpoint\.previous\.pt.* has 1 epochs"
    ):
        trainer(two_checkpoints).fit(make_model(), make_loader(), resume=True)

    previous_checkpoint(two_checkpoints).replace(two_checkpoints)
    resumed = trainer(two_checkpoints, max_epochs=2)
    resumed.fit(make_model(), make_loader(), resume=True)
    assert len(resumed.history) == 2


def test_a_new_run_keeps_no_checkpoint_of_an_earlier_one(two_checkpoints, make_model, make_loader):
    trainer(two_checkpoints, max_epochs=1).fit(make_model(), make_loader())
    assert list(two_checkpoints.parent.iterdir()) == [two_checkpoints]


@pytest.mark.parametrize("missing", ["model", "optimizer", "history", "run", "random"])
def test_checkpoint_without_a_part_is_an_error_that_names_it(
    two_checkpoints, make_model, make_loader, missing
):
    state = load_checkpoint(two_checkpoints)
    del state[missing]
    save_checkpoint(two_checkpoints, state)
    with pytest.raises(
        ValueError, match=rf"checkpoint\.pt is no checkpoint of a run: it lacks {missing}; "
    ):
        trainer(two_checkpoints).fit(make_model(), make_loader(), resume=True)
