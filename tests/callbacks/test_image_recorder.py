import pytest
import torch
from torch.testing import assert_close
from torch_geometric.data import Data

from nrae_geometric.callbacks import ImageRecorder


def test_a_frame_holds_latents_and_the_images_on_an_even_grid(image_data, image_autoencoder):
    recorder = ImageRecorder(image_data, num_images=5)
    recorder.record(0, None, image_autoencoder)
    frame = recorder.frames[0].tensors
    z = image_autoencoder.encoder(image_data.x).detach()
    grid = torch.linspace(z.min().item(), z.max().item(), 5).unsqueeze(1)
    assert_close(frame["latent"], z)
    assert_close(frame["grid"], grid)
    assert_close(frame["images"], image_autoencoder.decoder(grid).detach())


def test_flat_outputs_become_images(image_data, image_autoencoder):
    image_autoencoder.decoder = image_autoencoder.decoder[:2]
    recorder = ImageRecorder(image_data, num_images=5)
    recorder.record(0, None, image_autoencoder)
    assert recorder.frames[0].tensors["images"].shape == (5, 1, 6, 6)


def test_only_the_latest_frame_is_kept(image_data, image_autoencoder):
    recorder = ImageRecorder(image_data)
    for epoch in range(3):
        recorder.record(epoch, float(epoch), image_autoencoder)
    assert [(frame.epoch, frame.loss) for frame in recorder.frames] == [(2, 2.0)]


def test_points_are_refused():
    with pytest.raises(ValueError, match=r"data.x has shape \(4, 2\)"):
        ImageRecorder(Data(x=torch.zeros(4, 2)))
