import pytest
import torch
from torch import nn
from torch.testing import assert_close

from nrae_geometric.nn.traversal import decode_latent_range


def test_the_decode_latent_range_is_decoded_over_the_range_of_the_latents(planar_data, autoencoder):
    grid, curve = decode_latent_range(autoencoder, planar_data.x, num=7)
    z = autoencoder.encoder(planar_data.x.double()).detach()
    expected = torch.linspace(z.min().item(), z.max().item(), 7, dtype=torch.float64)
    assert_close(grid, expected.unsqueeze(1))
    assert_close(curve, autoencoder.eval().decoder(grid).detach())


def test_a_collapsed_latent_space_gives_one_point_over_and_over(planar_data, autoencoder):
    nn.init.zeros_(autoencoder.encoder[-1].weight)
    grid, curve = decode_latent_range(autoencoder, planar_data.x, num=4)
    assert (grid == grid[0]).all()
    assert (curve == curve[0]).all()


def test_the_model_keeps_its_mode(planar_data, autoencoder):
    decode_latent_range(autoencoder, planar_data.x)
    assert all(module.training for module in autoencoder.modules())


def test_a_latent_plane_is_refused(planar_data, autoencoder):
    autoencoder.encoder[-1] = nn.Linear(8, 2).double()
    with pytest.raises(ValueError, match=r"latents of shape \(12, 2\)"):
        decode_latent_range(autoencoder, planar_data.x)


def test_an_encoder_of_graphs_gets_the_graph(planar_data, autoencoder):
    seen = []
    autoencoder.encode = lambda x, edge_index=None: seen.append(edge_index) or x[:, :1]
    decode_latent_range(autoencoder, planar_data.x, planar_data.edge_index)
    assert torch.equal(seen[0], planar_data.edge_index)
