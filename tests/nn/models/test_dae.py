"""The denoising autoencoder against its formula."""

import torch
from torch_geometric.data import Data

from nrae_geometric.nn import AE, DAE, mlp


def test_noisy_points_are_to_decode_to_clean_ones():
    model = DAE(mlp([3, 8, 2], "tanh"), mlp([2, 8, 3], "tanh"), noise=0.3).double()
    x = torch.randn(6, 3, dtype=torch.float64)
    torch.manual_seed(0)
    loss = model.loss(Data(x=x))
    torch.manual_seed(0)
    noisy = x + 0.3 * torch.randn(6, 3, dtype=torch.float64)
    torch.testing.assert_close(loss, (x - model.decoder(model.encoder(noisy))).square().mean())


def test_there_is_no_noise_in_evaluation_mode():
    model = DAE(mlp([3, 8, 2], "tanh"), mlp([2, 8, 3], "tanh"), noise=5.0).eval()
    batch = Data(x=torch.randn(6, 3))
    torch.testing.assert_close(model.loss(batch), AE(model.encoder, model.decoder).loss(batch))


def test_points_of_the_batch_stay_as_they_are():
    model = DAE(mlp([3, 8, 2], "tanh"), mlp([2, 8, 3], "tanh"), noise=1.0)
    batch = Data(x=torch.randn(6, 3))
    before = batch.x.clone()
    model.loss(batch)
    assert torch.equal(batch.x, before)
