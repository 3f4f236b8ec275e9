import numpy as np
import pytest
import torch
from torch import nn
from torch_geometric.data import Data

from nrae_geometric.nn import AE, NRAE
from nrae_geometric.nn.build import (
    build_autoencoder,
    check_autoencoder,
    method_settings,
    take_weights,
)


def widths(network):
    return [layer.out_features for layer in network.modules() if isinstance(layer, nn.Linear)]


def test_settings_build_their_model():
    settings = method_settings("nrae", {"order": np.int64(2), "neighbor_weight": np.float32(3)})
    model = build_autoencoder(settings, [4], 2)
    assert type(model) is NRAE
    assert (model.order, model.criterion.kernel.weight) == (2, 3.0)


@pytest.mark.parametrize(
    ("method", "settings", "message"),
    [
        ("pca", {}, "unknown model 'pca'"),
        ("nrae", {"order": 3}, "method 'nrae': order: .*, got 3"),
        ("nrae", {"neighbor_weight": -1}, "neighbor_weight: .*, got -1"),
        ("nrae", {"radius": 1}, "radius: Extra inputs .*, got 1"),
        ("nrael", {}, "method 'nrael': kernel: Field required$"),
        ("nrael", {"kernel": {"type": "binary"}}, r"kernel\.binary\.lambda: Field required$"),
    ],
)
def test_settings_that_a_method_does_not_have_are_an_error(method, settings, message):
    with pytest.raises(ValueError, match=message):
        method_settings(method, settings)


def test_decoder_mirrors_the_encoder():
    model = build_autoencoder(method_settings("ae", {}), [5], 2, hidden=np.array([8, 6]))
    assert type(model) is AE
    assert (widths(model.encoder), widths(model.decoder)) == ([8, 6, 2], [6, 8, 5])


def test_images_are_flattened_and_come_back():
    model = build_autoencoder(method_settings("ae", {}), [1, 4, 3], 2, hidden=[8])
    images = torch.rand(5, 1, 4, 3)
    assert model.encode(images).shape == (5, 2)
    assert model(images).shape == images.shape


def test_given_networks_are_copied():
    encoder = nn.Linear(3, 1)
    model = build_autoencoder(method_settings("ae", {}), [3], 1, encoder=encoder)
    assert torch.equal(model.encoder.weight, encoder.weight)
    assert model.encoder is not encoder


def test_check_leaves_the_model_as_it_is():
    model = AE(nn.Sequential(nn.Linear(3, 1), nn.BatchNorm1d(1)), nn.Linear(1, 3)).train()
    check_autoencoder(model, Data(x=torch.rand(4, 3)), 1, 1)
    assert model.encoder[1].training
    assert model.encoder[1].num_batches_tracked == 0


@pytest.mark.parametrize(
    ("encoder", "decoder", "message"),
    [
        (nn.Linear(3, 2), nn.Linear(1, 3), r"encoder Linear should return .*\[4, 1\].*\[4, 2\]"),
        (nn.Linear(2, 1), nn.Linear(1, 3), r"encoder Linear does not take .*\[4, 3\]"),
        (nn.Linear(3, 1), nn.Linear(1, 2), r"decoder Linear should return .*\[4, 3\].*\[4, 2\]"),
        (nn.Linear(3, 1), nn.Linear(2, 3), r"decoder Linear does not take .*\[4, 1\]"),
        (nn.LSTM(3, 1), nn.Linear(1, 3), "encoder LSTM should return .* got tuple"),
    ],
)
def test_networks_of_other_shapes_are_an_error(encoder, decoder, message):
    with pytest.raises(ValueError, match=message):
        check_autoencoder(AE(encoder, decoder), Data(x=torch.rand(4, 3)), 1, 1)


def test_convolutions_are_mirrored_by_the_decoder():
    options = {"hidden": [8], "encoder": "conv"}
    model = build_autoencoder(method_settings("ae", {}), [7, 6], 2, **options)
    assert isinstance(model.decoder[-2], nn.ConvTranspose2d)
    assert model(torch.rand(5, 7, 6)).shape == (5, 7, 6)


def test_convolutions_may_have_another_decoder():
    decoder = nn.Sequential(nn.Linear(1, 16), nn.Unflatten(1, (1, 4, 4)))
    settings = method_settings("ae", {})
    model = build_autoencoder(settings, [1, 4, 4], 1, encoder="conv", decoder=decoder)
    assert [type(layer) for layer in model.decoder] == [nn.Linear, nn.Unflatten]


class TestTakingWeights:
    @staticmethod
    def model(*widths, **networks):
        return build_autoencoder(method_settings("ae", {}), [4], 2, hidden=widths, **networks)

    def test_makes_the_model_the_same_function(self):
        model, earlier, x = self.model(8), self.model(8), torch.randn(5, 4)
        take_weights(model, earlier)
        assert torch.equal(model(x), earlier(x))
        assert model.encoder[0].weight is not earlier.encoder[0].weight

    def test_fills_layers_of_open_width(self):
        earlier = self.model(encoder=nn.Linear(4, 2))
        model = self.model(encoder=nn.LazyLinear(2))
        take_weights(model, earlier)
        x = torch.randn(5, 4)
        assert torch.equal(model(x), earlier(x))

    @pytest.mark.parametrize(
        ("widths", "message"),
        [
            ([7], r"encoder\.0\.weight is \[8, 4\], and \[7, 4\] in the model of the present"),
            ([8, 8], r"encoder\.2\.weight is \[2, 8\], and \[8, 8\]"),
            ([], r"encoder\.0\.weight is \[8, 4\], and \[2, 4\]"),
        ],
    )
    def test_of_another_shape_is_an_error_that_names_the_first(self, widths, message):
        with pytest.raises(ValueError, match=message):
            take_weights(self.model(*widths), self.model(8))

    def test_that_are_missing_on_either_side_is_an_error(self):
        with_bias, without = (self.model(encoder=nn.Linear(4, 2, bias=b)) for b in (True, False))
        with pytest.raises(ValueError, match=r"encoder\.bias is missing, and \[2\] in"):
            take_weights(with_bias, without)
        with pytest.raises(ValueError, match=r"encoder\.bias is \[2\], and missing in"):
            take_weights(without, with_bias)
