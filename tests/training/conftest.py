import os
import signal

import pytest
import torch
from torch import nn
from torch_geometric import seed_everything
from torch_geometric.data import Data
from torch_geometric.loader import DataLoader

from nrae_geometric.training import Callback, Trainer


class LineModel(nn.Module):
    """Fits lines with some dropout, so that each step draws from the global generator."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(2, 8), nn.Dropout(0.2), nn.Linear(8, 2))

    def loss(self, batch):
        return (self.layers(batch.x) - batch.x).square().mean()


class SignalAt(Callback):
    """Sends signals to this process at the end of an epoch, such as those of Ctrl-C."""

    def __init__(self, epoch, *signals):
        self.epoch = epoch
        self.signals = signals or (signal.SIGINT,)

    def on_epoch_end(self, trainer, model):
        if trainer.epoch == self.epoch:
            for each in self.signals:
                os.kill(os.getpid(), each)


@pytest.fixture
def signal_at():
    return SignalAt


@pytest.fixture
def trainer():
    """Makes a seeded trainer of a few epochs on the CPU that shows nothing."""

    def make(max_epochs=5, **options):
        return Trainer(max_epochs, **{"device": "cpu", "seed": 3, "progress": False, **options})

    return make


@pytest.fixture
def make_model():
    def make(seed=0):
        seed_everything(seed)
        return LineModel()

    return make


@pytest.fixture
def make_loader():
    def make(generator=True):
        x = torch.randn(10, 1, 2, generator=torch.Generator().manual_seed(0))
        points = [Data(x=point) for point in x]
        return DataLoader(
            points,
            batch_size=4,
            shuffle=True,
            generator=torch.Generator() if generator else None,
        )

    return make
