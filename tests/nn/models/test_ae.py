"""All models: encoding, decoding, and the centers of a batch."""

import pytest
import torch
from torch import Tensor, nn
from torch_geometric.data import Data
from torch_geometric.nn import GCN, GCNConv, SAGEConv, Sequential

from nrae_geometric import registry
from nrae_geometric.nn import AE, NRAE, mlp

MODELS = [AE, NRAE, lambda encoder, decoder: NRAE(encoder, decoder, order=2)]


class TwoHops(nn.Module):
    """A graph neural network that a user writes."""

    def __init__(self) -> None:
        super().__init__()
        self.first = SAGEConv(3, 8)
        self.second = SAGEConv(8, 2)

    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
        return self.second(self.first(x, edge_index).relu(), edge_index)


def graph_encoders() -> dict[str, nn.Module]:
    layers = [(GCNConv(3, 8), "x, edge_index -> x"), nn.ReLU(), nn.Linear(8, 2)]
    return {
        "written by hand": TwoHops(),
        "PyG's GCN": GCN(3, 8, num_layers=2, out_channels=2),
        "one layer": SAGEConv(3, 2),
        "PyG's Sequential": Sequential("x, edge_index", layers),
    }


def batch_of(num_centers: int, num_nodes: int, *shape: int) -> Data:
    """Points of which the first are centers, and edges into all of them."""
    generator = torch.Generator().manual_seed(0)
    edge_index = torch.randint(num_nodes, (2, 4 * num_nodes), generator=generator)
    x = torch.randn(num_nodes, *shape, generator=generator)
    return Data(x=x, edge_index=edge_index, batch_size=num_centers)


@pytest.mark.parametrize("model", MODELS)
def test_forward_decodes_what_it_encodes(model):
    encoder, decoder = mlp([3, 8, 2], "elu"), mlp([2, 8, 3], "elu")
    model, x = model(encoder, decoder), torch.randn(5, 3)
    assert torch.equal(model.encode(x), encoder(x))
    assert torch.equal(model.decode(model.encode(x)), decoder(encoder(x)))
    assert torch.equal(model(x), decoder(encoder(x)))


@pytest.mark.parametrize("model", MODELS)
def test_plain_encoder_is_not_given_the_graph(model):
    model, batch = model(mlp([3, 2], "elu"), mlp([2, 3], "elu")), batch_of(2, 5, 3)
    assert torch.equal(model.encode(batch.x, batch.edge_index), model.encode(batch.x))


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", graph_encoders())
def test_graph_encoder_is_given_the_graph(model, name):
    encoder, batch = graph_encoders()[name], batch_of(2, 5, 3)
    model = model(encoder, mlp([2, 8, 3], "elu"))

    latent = model.encode(batch.x, batch.edge_index)

    assert torch.equal(latent, encoder(batch.x, batch.edge_index))
    assert torch.equal(model(batch.x, batch.edge_index), model.decode(latent))
    model.loss(batch).backward()
    assert all(parameter.grad.isfinite().all() for parameter in encoder.parameters())


@pytest.mark.parametrize("name", graph_encoders())
def test_graph_encoder_without_a_graph_is_refused(name):
    model = AE(graph_encoders()[name], mlp([2, 3], "elu"))
    with pytest.raises(ValueError, match=r"takes edge_index; pass the graph"):
        model(torch.randn(5, 3))


@pytest.mark.parametrize("shape", [(3,), (1, 2, 2)])
@pytest.mark.parametrize("num_centers", [2, 5])
def test_autoencoder_loss_is_the_mean_squared_error_of_the_centers(shape, num_centers):
    size = torch.Size(shape).numel()
    encoder = nn.Sequential(nn.Flatten(), mlp([size, 4, 2], "elu"))
    decoder = nn.Sequential(mlp([2, 4, size], "elu"), nn.Unflatten(1, shape))
    model, batch = AE(encoder, decoder), batch_of(num_centers, 5, *shape)

    x = batch.x[:num_centers]
    torch.testing.assert_close(model.loss(batch), nn.functional.mse_loss(model(x), x))


def test_autoencoder_loss_of_a_graph_encoder_takes_the_latent_of_the_centers():
    model, batch = AE(TwoHops(), mlp([2, 3], "elu")), batch_of(2, 5, 3)
    recon = model(batch.x, batch.edge_index)[:2]
    torch.testing.assert_close(model.loss(batch), nn.functional.mse_loss(recon, batch.x[:2]))


@pytest.mark.parametrize("model", MODELS)
def test_without_batch_size_all_points_are_centers(model):
    model, batch = model(mlp([3, 4, 2], "elu"), mlp([2, 4, 3], "elu")), batch_of(5, 5, 3)
    whole_graph = Data(x=batch.x, edge_index=batch.edge_index)
    torch.testing.assert_close(model.loss(whole_graph), model.loss(batch))


@pytest.mark.parametrize("model", MODELS)
def test_decoder_of_another_dimension_is_refused(model):
    model = model(mlp([3, 2], "elu"), mlp([2, 4], "elu"))
    with pytest.raises(ValueError, match=r"points of shape \(4,\), but x has .* \(3,\)"):
        model.loss(batch_of(2, 5, 3))


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", graph_encoders())
def test_reset_draws_all_parameters_anew(model, name):
    torch.manual_seed(0)
    model = model(graph_encoders()[name], mlp([2, 4, 3], "elu"))
    before = {key: value.clone() for key, value in model.named_parameters()}

    model.reset_parameters()

    # PyG starts the biases of its layers at zero.
    changed = [not torch.equal(value, before[key]) for key, value in model.named_parameters()]
    assert all(
        different or not before[key].any() for different, key in zip(changed, before, strict=True)
    )
    assert any(changed)


def test_autoencoder_needs_no_graph():
    model, batch = AE(mlp([3, 4, 2], "elu"), mlp([2, 4, 3], "elu")), batch_of(5, 5, 3)
    assert model.loss(Data(x=batch.x)) == model.loss(batch)


def test_settings_build_the_autoencoder():
    settings = registry.MODELS["ae"].model_validate({"arch": "ae"})
    encoder, decoder = mlp([3, 2], "elu"), mlp([2, 3], "elu")
    model = settings.build(encoder, decoder)
    assert type(model) is AE
    assert model.encoder is encoder
    assert model.decoder is decoder
    assert settings.title == "AE"
    assert not settings.needs_graph
    assert settings.expansion_order is None
