"""A line that training folds is warned about."""

import logging

import pytest
import torch
from torch import nn
from torch_geometric.data import Data

from nrae_geometric.callbacks import EmbeddingStart
from nrae_geometric.nn import NRAE, mlp
from nrae_geometric.training import Callback

from .conftest import GraphEncoder, circle, loader, model, swiss_roll, trainer


class FoldAt(Callback):
    """Undoes the order of the latents at the end of an epoch."""

    def __init__(self, epoch):
        self.epoch = epoch

    def on_epoch_end(self, trainer, model):
        if trainer.epoch == self.epoch:
            model.encoder = FoldedEncoder(model.encoder)


class FoldedEncoder(nn.Module):
    def __init__(self, encoder):
        super().__init__()
        self.encoder = encoder

    def forward(self, x, edge_index=None):
        z = self.encoder(x) if edge_index is None else self.encoder(x, edge_index)
        return (z - 0.5).abs()


def test_a_line_that_training_folds_is_warned_about(caplog):
    trainer(2, [EmbeddingStart(), FoldAt(1)]).fit(model(), loader(swiss_roll()))

    assert "folded the latent line" in caplog.text


def test_a_line_that_keeps_its_order_is_not_warned_about(caplog):
    trainer(2, [EmbeddingStart()]).fit(model(), loader(swiss_roll()))

    assert not caplog.text


def test_a_fold_of_an_encoder_of_graphs_is_seen_as_well(caplog):
    torch.manual_seed(0)
    fitted = NRAE(GraphEncoder(), mlp([1, 64, 64, 2], "elu"))
    trainer(1, [EmbeddingStart(), FoldAt(0)]).fit(fitted, loader(swiss_roll()))

    assert "folded the latent line" in caplog.text


@pytest.mark.parametrize("folds", [False, True])
def test_a_fold_among_very_many_points_is_seen_in_some_of_them(caplog, folds):
    x = torch.linspace(-1, 1, 25_000)[:, None]
    chain = torch.arange(len(x) - 1)
    data = Data(x=x, edge_index=torch.stack([chain, chain + 1]))
    seen = []

    class Encoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.ones(1))

        def forward(self, x):
            seen.append(len(x))
            return self.scale * x

    fitted = NRAE(Encoder(), nn.Identity())
    callbacks = [EmbeddingStart(num_steps=1), FoldAt(0 if folds else -1)]
    trainer(lr=1e-12, callbacks=callbacks).fit(fitted, loader(data, batch_size=12_500))

    assert ("folded the latent line" in caplog.text) == folds
    assert seen[-1] < 15_000


def test_a_graph_that_closes_on_itself_is_told_and_not_taken_for_a_fold(caplog):
    callback = EmbeddingStart()
    with caplog.at_level(logging.WARNING, logger="nrae_geometric.callbacks"):
        trainer(1, [callback, FoldAt(0)]).fit(model(), loader(circle()))

    assert callback.coordinates.loop.length == pytest.approx(2 * torch.pi, rel=0.2)
    assert "folded" not in caplog.text


def test_a_resumed_run_is_looked_at_as_well(tmp_path, caplog):
    checkpoint = tmp_path / "checkpoint.pt"
    trainer(1, [EmbeddingStart()], checkpoint=checkpoint).fit(model(), loader(swiss_roll()))
    resumed = trainer(3, [EmbeddingStart(), FoldAt(2)], checkpoint=checkpoint)
    resumed.fit(model(), loader(swiss_roll()), resume=True)

    assert "folded the latent line" in caplog.text
