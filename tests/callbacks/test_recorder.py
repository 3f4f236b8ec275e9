import io

import pytest
import torch
from torch import nn
from torch_geometric.data import Data

from nrae_geometric.callbacks import CurveRecorder, ImageRecorder, frame_epochs, recorder_for
from nrae_geometric.training import Callback, Trainer


def test_frames_are_the_first_thirty_epochs_every_fortieth_and_the_last():
    epochs = frame_epochs(2001)
    assert epochs[:32] == (*range(30), 40, 80)
    assert epochs[-2:] == (1960, 2000)
    assert len(epochs) == 80


@pytest.mark.parametrize("max_epochs", [1, 5, 30, 41, 100])
def test_the_last_epoch_has_a_frame_and_none_comes_later(max_epochs):
    epochs = frame_epochs(max_epochs)
    assert epochs[-1] == max_epochs - 1
    assert list(epochs) == sorted(set(epochs))


def test_no_epochs_are_refused():
    with pytest.raises(ValueError, match="max_epochs must be at least 1, got 0"):
        frame_epochs(0)


def test_recording_leaves_training_flags_random_state_and_gradients_alone(planar_data, autoencoder):
    autoencoder.train()
    autoencoder.encoder.eval()
    before = torch.random.get_rng_state()
    recorder = CurveRecorder(planar_data, order=2)
    recorder.record(0, 1.0, autoencoder)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert autoencoder.decoder.training
    assert not autoencoder.encoder.training
    assert all(parameter.grad is None for parameter in autoencoder.parameters())


def test_recording_leaves_the_given_data_alone(planar_data, autoencoder):
    x = planar_data.x.clone().requires_grad_()
    data = Data(x=x)
    CurveRecorder(data).record(0, None, autoencoder)
    assert data.x is x


def test_frames_survive_a_checkpoint_that_loads_weights_only(planar_data, autoencoder):
    recorder = CurveRecorder(planar_data, order=1)
    for epoch in range(3):
        autoencoder.decoder[0].weight.data.add_(0.1)
        recorder.record(epoch, None if epoch == 0 else 0.5 * epoch, autoencoder)
    file = io.BytesIO()
    torch.save(recorder.state_dict(), file)
    file.seek(0)
    restored = CurveRecorder(planar_data, order=1)
    restored.load_state_dict(torch.load(file, weights_only=True))
    assert [frame.epoch for frame in restored.frames] == [0, 1, 2]
    assert [frame.loss for frame in restored.frames] == [None, 0.5, 1.0]
    for old, new in zip(recorder.frames, restored.frames, strict=True):
        assert old.tensors.keys() == new.tensors.keys()
        for name, tensor in old.tensors.items():
            assert torch.equal(tensor, new.tensors[name])


def test_an_empty_recorder_survives_a_checkpoint(planar_data):
    recorder = CurveRecorder(planar_data)
    recorder.load_state_dict(recorder.state_dict())
    assert recorder.frames == []


def test_resuming_from_an_earlier_epoch_drops_the_frames_after_it(planar_data, autoencoder):
    recorder = CurveRecorder(planar_data)
    for epoch in (0, 1, 2, 3, 1):
        recorder.record(epoch, 0.0, autoencoder)
    assert [frame.epoch for frame in recorder.frames] == [0, 1]


def test_frames_of_other_data_are_refused(planar_data, autoencoder):
    recorder = CurveRecorder(planar_data)
    recorder.record(0, 0.0, autoencoder)
    other = CurveRecorder(Data(x=planar_data.x[:5]))
    with pytest.raises(ValueError, match=r"'latent': \(12, 1\).*draws.*'latent': \(5, 1\)"):
        other.load_state_dict(recorder.state_dict())


def test_frames_of_a_model_of_another_order_are_refused(planar_data, autoencoder):
    recorder = CurveRecorder(planar_data)
    recorder.record(0, 0.0, autoencoder)
    other = CurveRecorder(planar_data, order=1)
    with pytest.raises(ValueError, match=r"draws.*'local_curve': \(2, 41, 2\).*same data, graph"):
        other.load_state_dict(recorder.state_dict())


def test_a_model_that_is_no_autoencoder_is_refused(planar_data):
    recorder = CurveRecorder(planar_data)
    with pytest.raises(TypeError, match=r"Linear cannot be pictured: it needs encode"):
        recorder.record(0, None, nn.Linear(2, 2))


class Reconstruction(nn.Module):
    """Something to train: the squared error of an autoencoder."""

    def __init__(self, autoencoder):
        super().__init__()
        self.encoder, self.decoder = autoencoder.encoder, autoencoder.decoder

    def encode(self, x, edge_index=None):
        return self.encoder(x)

    def decode(self, z):
        return self.decoder(z)

    def loss(self, batch):
        return (self.decode(self.encode(batch.x)) - batch.x).square().mean()


def test_a_run_has_frames_of_its_frame_epochs_with_their_losses(planar_data, autoencoder):
    recorder = CurveRecorder(planar_data)
    trainer = Trainer(43, device="cpu", callbacks=[recorder], progress=False)
    for _ in range(2):
        trainer.fit(Reconstruction(autoencoder), [planar_data])

    assert tuple(frame.epoch for frame in recorder.frames) == frame_epochs(43)
    assert [frame.loss for frame in recorder.frames] == [
        trainer.history[frame.epoch]["loss"] for frame in recorder.frames
    ]


def test_a_run_that_is_stopped_has_a_frame_of_its_last_epoch(planar_data, autoencoder):
    class Stop(Callback):
        def on_epoch_end(self, trainer, model):
            if trainer.epoch == 35:
                trainer.request_stop("enough")

    recorder = CurveRecorder(planar_data)
    trainer = Trainer(100, device="cpu", callbacks=[Stop(), recorder], progress=False)
    trainer.fit(Reconstruction(autoencoder), [planar_data])

    assert [frame.epoch for frame in recorder.frames][-2:] == [29, 35]


@pytest.mark.parametrize(("order", "name"), [(None, "AE"), (1, "NRAE-L"), (2, "NRAE-Q")])
def test_planar_points_get_a_curve_recorder_named_by_order(planar_data, manifold, order, name):
    recorder = recorder_for(planar_data, manifold=manifold, order=order)
    assert isinstance(recorder, CurveRecorder)
    assert recorder.model_name == name


def test_images_get_an_image_recorder(image_data):
    recorder = recorder_for(image_data, order=1, coordinate="angle (degrees)")
    assert isinstance(recorder, ImageRecorder)
    assert (recorder.model_name, recorder.coordinate) == ("NRAE-L", "angle (degrees)")


def test_a_model_may_have_another_name(planar_data):
    assert recorder_for(planar_data, model_name="VAE").model_name == "VAE"


def test_points_in_space_have_no_recorder():
    assert recorder_for(Data(x=torch.zeros(5, 3))) is None
