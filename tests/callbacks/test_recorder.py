import io

import pytest
import torch
from torch import nn
from torch_geometric.data import Data

from nrae_geometric.callbacks import CurveRecorder, frame_epochs


def test_frames_are_the_first_thirty_epochs_every_fortieth_and_the_last():
    epochs = frame_epochs(2001)
    assert epochs[:32] == (*range(30), 40, 80)
    assert epochs[-2:] == (1960, 2000)
    assert len(epochs) == 80


@pytest.mark.parametrize("num_epochs", [1, 5, 30, 41, 100])
def test_the_last_epoch_has_a_frame_and_none_comes_later(num_epochs):
    epochs = frame_epochs(num_epochs)
    assert epochs[-1] == num_epochs - 1
    assert list(epochs) == sorted(set(epochs))


def test_no_epochs_are_refused():
    with pytest.raises(ValueError, match="num_epochs is 0"):
        frame_epochs(0)


def test_recording_leaves_training_flags_random_state_and_gradients_alone(planar_data, autoencoder):
    autoencoder.train()
    autoencoder.encoder.eval()
    before = torch.random.get_rng_state()
    recorder = CurveRecorder(planar_data, num_epochs=3, order=2)
    recorder.on_epoch_end(0, 1.0, autoencoder)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert autoencoder.decoder.training
    assert not autoencoder.encoder.training
    assert all(parameter.grad is None for parameter in autoencoder.parameters())


def test_recording_leaves_the_given_data_alone(planar_data, autoencoder):
    x = planar_data.x.clone().requires_grad_()
    data = Data(x=x)
    CurveRecorder(data, num_epochs=1).on_epoch_end(0, None, autoencoder)
    assert data.x is x


def test_frames_survive_a_checkpoint_that_loads_weights_only(planar_data, autoencoder):
    recorder = CurveRecorder(planar_data, num_epochs=9, order=1)
    for epoch in range(3):
        autoencoder.decoder[0].weight.data.add_(0.1)
        recorder.on_epoch_end(epoch, None if epoch == 0 else 0.5 * epoch, autoencoder)
    file = io.BytesIO()
    torch.save(recorder.state_dict(), file)
    file.seek(0)
    restored = CurveRecorder(planar_data, num_epochs=9, order=1)
    restored.load_state_dict(torch.load(file, weights_only=True))
    assert [frame.epoch for frame in restored.frames] == [0, 1, 2]
    assert [frame.loss for frame in restored.frames] == [None, 0.5, 1.0]
    for old, new in zip(recorder.frames, restored.frames, strict=True):
        assert old.tensors.keys() == new.tensors.keys()
        for name, tensor in old.tensors.items():
            assert torch.equal(tensor, new.tensors[name])


def test_an_empty_recorder_survives_a_checkpoint(planar_data):
    recorder = CurveRecorder(planar_data, num_epochs=9)
    recorder.load_state_dict(recorder.state_dict())
    assert recorder.frames == []


def test_resuming_from_an_earlier_epoch_drops_the_frames_after_it(planar_data, autoencoder):
    recorder = CurveRecorder(planar_data, num_epochs=9)
    for epoch in (0, 1, 2, 3, 1):
        recorder.on_epoch_end(epoch, 0.0, autoencoder)
    assert [frame.epoch for frame in recorder.frames] == [0, 1]


def test_frames_of_other_data_are_refused(planar_data, autoencoder):
    recorder = CurveRecorder(planar_data, num_epochs=9)
    recorder.on_epoch_end(0, 0.0, autoencoder)
    other = CurveRecorder(Data(x=planar_data.x[:5]), num_epochs=9)
    with pytest.raises(ValueError, match=r"'latent': \(12, 1\).*draws.*'latent': \(5, 1\)"):
        other.load_state_dict(recorder.state_dict())


def test_frames_of_a_model_of_another_order_are_refused(planar_data, autoencoder):
    recorder = CurveRecorder(planar_data, num_epochs=9)
    recorder.on_epoch_end(0, 0.0, autoencoder)
    other = CurveRecorder(planar_data, num_epochs=9, order=1)
    with pytest.raises(ValueError, match=r"draws.*'local_curve': \(2, 41, 2\).*same data, graph"):
        other.load_state_dict(recorder.state_dict())


def test_a_model_that_is_no_autoencoder_is_refused(planar_data):
    recorder = CurveRecorder(planar_data, num_epochs=1)
    with pytest.raises(TypeError, match=r"Linear cannot be pictured: it needs encode"):
        recorder.on_epoch_end(0, None, nn.Linear(2, 2))
