import pytest
import torch
from torch.autograd.functional import hessian, jacobian
from torch.testing import assert_close
from torch_geometric.data import Data

from nrae_geometric.callbacks import CurveRecorder


def recorded(data, model, order):
    recorder = CurveRecorder(data, order=order)
    recorder.record(0, 0.25, model)
    return recorder, recorder.frames[0].tensors


def taylor(decoder, z, dz, order):
    """The Taylor polynomial of one output row, from autograd's Jacobian and Hessian."""
    value = decoder(z)
    value = value + jacobian(decoder, z) @ dz
    if order == 2:
        second = [hessian(lambda z, i=i: decoder(z)[i], z) for i in range(2)]
        value = value + 0.5 * torch.stack([dz @ h @ dz for h in second])
    return value


def test_a_frame_holds_latents_reconstructions_and_the_decoded_range(planar_data, autoencoder):
    _, frame = recorded(planar_data, autoencoder, None)
    autoencoder.eval()
    z = autoencoder.encoder(planar_data.x.double())
    assert_close(frame["latent"].double(), z, rtol=1e-6, atol=1e-6)
    assert_close(frame["reconstruction"].double(), autoencoder.decoder(z), rtol=1e-6, atol=1e-6)
    grid = torch.linspace(z.min().item(), z.max().item(), 300, dtype=torch.float64)
    curve = autoencoder.decoder(grid.unsqueeze(1))
    assert_close(frame["curve"].double(), curve, rtol=1e-6, atol=1e-6)
    assert set(frame) == {"latent", "reconstruction", "curve"}


@pytest.mark.parametrize("order", [1, 2])
def test_neighbors_are_expanded_around_their_highlighted_point(planar_data, autoencoder, order):
    recorder, frame = recorded(planar_data, autoencoder, order)
    autoencoder.eval()
    z = autoencoder.encoder(planar_data.x.double()).detach()
    centers = recorder.highlighted[recorder.owner]
    expected = torch.stack(
        [
            taylor(autoencoder.decoder, z[c], z[n] - z[c], order)
            for c, n in zip(centers, recorder.neighbors, strict=True)
        ]
    )
    assert_close(frame["neighbor_reconstruction"].double(), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("order", [1, 2])
def test_a_local_curve_is_the_expansion_and_reaches_past_every_neighbor(
    planar_data, autoencoder, order
):
    recorder, frame = recorded(planar_data, autoencoder, order)
    autoencoder.eval()
    z = autoencoder.encoder(planar_data.x.double()).detach()
    for i, center in enumerate(recorder.highlighted):
        dz = z[recorder.neighbors[recorder.owner == i]] - z[center]
        low, high = dz.min().clamp(max=0), dz.max().clamp(min=0)
        for place, end in ((0, low - (high - low) / 4), (-1, high + (high - low) / 4)):
            expected = taylor(autoencoder.decoder, z[center], end.reshape(1), order)
            assert_close(frame["local_curve"][i, place].double(), expected, rtol=1e-5, atol=1e-6)


def test_two_apart_points_and_all_their_neighbors_are_highlighted(planar_data):
    recorder = CurveRecorder(planar_data, order=1)
    assert recorder.highlighted.tolist() == [4, 8]
    assert recorder.neighbors.tolist() == [5, 6, 9, 10]
    assert recorder.owner.tolist() == [0, 0, 1, 1]


def test_points_without_a_neighbor_are_not_highlighted(planar_data):
    edge_index = torch.tensor([[0, 5, 4, 6, 2], [1, 5, 5, 7, 1]])
    recorder = CurveRecorder(Data(x=planar_data.x, edge_index=edge_index), order=1)
    assert set(recorder.highlighted.tolist()) <= {1, 5, 7}
    assert (recorder.neighbors != recorder.highlighted[recorder.owner]).all()


def test_one_point_with_neighbors_is_enough(planar_data, autoencoder):
    data = Data(x=planar_data.x, edge_index=torch.tensor([[0], [1]]))
    recorder, frame = recorded(data, autoencoder, 2)
    assert recorder.highlighted.tolist() == [1]
    assert frame["local_curve"].size(0) == 1


def test_neighborhoods_without_a_graph_are_refused(planar_data):
    with pytest.raises(ValueError, match=r"order=1 draws neighborhoods.*KNNGraph"):
        CurveRecorder(Data(x=planar_data.x), order=1)


def test_a_graph_of_self_edges_alone_is_refused(planar_data):
    data = Data(x=planar_data.x, edge_index=torch.tensor([[0, 1], [0, 1]]))
    with pytest.raises(ValueError, match=r"neighbor other than itself"):
        CurveRecorder(data, order=1)


def test_points_that_are_not_planar_are_refused():
    with pytest.raises(ValueError, match=r"data.x has shape \(4, 3\)"):
        CurveRecorder(Data(x=torch.zeros(4, 3)))


def test_a_manifold_that_is_not_planar_is_refused(planar_data):
    with pytest.raises(ValueError, match=r"manifold has shape \(9, 3\)"):
        CurveRecorder(planar_data, torch.zeros(9, 3))


def test_an_unknown_order_is_refused(planar_data):
    with pytest.raises(ValueError, match="order is 3"):
        CurveRecorder(planar_data, order=3)
