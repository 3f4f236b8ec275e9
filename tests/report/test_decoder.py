"""The decoder of the page against PyTorch."""

import numpy as np
import pytest
import torch
from torch import nn

from nrae_geometric.nn import AE
from nrae_geometric.nn.mlp import ACTIVATIONS, mlp
from nrae_geometric.report import estimator_subject, make_report
from nrae_geometric.report.blocks import Blocks
from nrae_geometric.report.decoder import export_decoder

from .conftest import fitted

PLACES = [[0.0, 0.0], [0.3, -0.7], [-1.1, 0.9], [1.6, 1.3]]


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_dense_decoder_is_that_of_torch(opened, images, activation):
    model = fitted(images[0], activation=activation, max_epochs=1, init="random")
    page = opened(make_report(estimator_subject(model)))
    assert page.evaluate("nraeReport.content.decoder.kind") == "dense"
    found = page.evaluate("(zs) => zs.map((z) => Array.from(nraeReport.decode(z)))", PLACES)
    expected = model.inverse_transform(np.array(PLACES)).reshape(len(PLACES), -1)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_other_decoder_is_interpolated_on_a_grid(opened, images):
    model = fitted(images[0], encoder="conv")
    page = opened(make_report(estimator_subject(model)))
    assert page.evaluate("nraeReport.content.decoder.kind") == "grid"
    assert "Interpolated" in page.inner_text("#decoder-note")
    z = model.embedding_[:20]
    found = page.evaluate("(zs) => zs.map((z) => Array.from(nraeReport.decode(z)))", z.tolist())
    expected = model.inverse_transform(z).reshape(len(z), -1)
    np.testing.assert_allclose(found, expected, atol=0.01)


@pytest.mark.parametrize(
    "decoder",
    [
        nn.Sequential(nn.Linear(2, 4), nn.LayerNorm(4)),
        nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(2, 4))),
        nn.Sequential(nn.Linear(2, 4), nn.Softplus(beta=2)),
    ],
)
def test_layer_that_a_page_does_not_know_means_a_grid(decoder):
    z = np.random.default_rng(0).normal(size=(50, 2))
    assert export_decoder(AE(mlp([4, 2], "relu"), decoder), z, Blocks(10**7))["kind"] == "grid"


def test_decoder_with_many_latents_and_no_page_for_it_is_left_out():
    z = np.random.default_rng(0).normal(size=(50, 12))
    decoder = nn.Sequential(nn.Linear(12, 4), nn.LayerNorm(4))
    assert export_decoder(AE(mlp([4, 12], "relu"), decoder), z, Blocks(10**7)) == {"kind": "none"}


def test_model_that_does_more_than_its_layers_means_a_grid():
    class Doubled(AE):
        def decode(self, z):
            return 2 * super().decode(z)

    z = torch.randn(50, 2).numpy()
    model = Doubled(mlp([4, 2], "relu"), mlp([2, 4], "relu"))
    assert export_decoder(model, z, Blocks(10**7))["kind"] == "grid"
