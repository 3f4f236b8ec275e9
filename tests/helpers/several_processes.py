"""A run on several processes, as a script: what Fabric and torchrun start again for each."""

import argparse
import os
import signal
import sys
import time
from datetime import timedelta
from itertools import pairwise

import torch
from torch import nn
from torch_geometric.data import Data

from nrae_geometric.callbacks import EarlyStopping, EmbeddingStart
from nrae_geometric.loader import NeighborhoodLoader
from nrae_geometric.nn import NRAE
from nrae_geometric.training import Callback, Trainer, processes
from nrae_geometric.transforms import KNNGraph

# As the minute that a step may keep others waiting, which is too long for a test.
LONGEST_STEP, SLEEP = 12, 15


def network(sizes):
    layers = []
    for n, m in pairwise(sizes):
        layers += [nn.Linear(n, m), nn.ELU()]
    return nn.Sequential(*layers[:-1])


def roll(num_points=50):
    t = torch.linspace(3, 9, num_points, dtype=torch.float64)
    return KNNGraph(4)(Data(x=torch.stack([t * t.cos(), t * t.sin()], dim=1) / 6))


class At(Callback):
    """Does something in one process at the end of an epoch."""

    def __init__(self, what, rank, epoch):
        self.what, self.rank, self.epoch = what, rank, epoch

    def on_epoch_end(self, trainer, model):
        if trainer.epoch != self.epoch or trainer.processes.rank != self.rank:
            return
        if self.what == "raise":
            raise ValueError("a callback has failed")
        if self.what == "stop":
            trainer.request_stop("enough")
        elif self.what == "sleep":
            time.sleep(SLEEP)
        elif self.what == "stall":  # in the step that follows
            model.encoder.register_forward_hook(lambda *_: os.kill(os.getpid(), signal.SIGSTOP))
        else:
            os.kill(os.getpid(), getattr(signal, self.what))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--devices", type=int, default=1)
    parser.add_argument("--num-nodes", type=int, default=1)
    parser.add_argument("--out")
    parser.add_argument("--checkpoint")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--at", nargs=3, default=None)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--validate", action="store_true")
    parser.add_argument("--geodesic", action="store_true")
    parser.add_argument("--impatient", action="store_true")
    arguments = parser.parse_args()
    if arguments.impatient:
        processes._LONGEST_STEP = timedelta(seconds=LONGEST_STEP)
    callbacks = []
    if arguments.geodesic:
        callbacks.append(EmbeddingStart("geodesic", num_steps=20))
    if arguments.validate:
        callbacks.append(EarlyStopping(100))
    if arguments.at:
        what, rank, epoch = arguments.at
        callbacks.append(At(what, int(rank), int(epoch)))
    data = roll()
    learned = torch.arange(0, 50) % 5 > 0
    loader = NeighborhoodLoader(
        data,
        2,
        batch_size=arguments.batch_size,
        shuffle=True,
        input_nodes=learned,
        generator=torch.Generator(),
        num_workers=arguments.workers,
    )
    validation = None
    if arguments.validate:
        validation = NeighborhoodLoader(
            data, 2, batch_size=4, input_nodes=~learned, generator=torch.Generator()
        )
    torch.manual_seed(0)
    model = NRAE(network([2, 32, 32, 1]), network([1, 32, 32, 2]))
    trainer = Trainer(
        arguments.epochs,
        1e-2,
        device="cpu",
        devices=arguments.devices,
        num_nodes=arguments.num_nodes,
        precision="64-true",
        seed=1,
        callbacks=callbacks,
        checkpoint=arguments.checkpoint,
        progress=False,
    )
    trainer.fit(model, loader, validation=validation, resume=arguments.resume)
    if arguments.out:
        torch.save(
            {
                "model": model.state_dict(),
                "history": trainer.history,
                "count": trainer.processes.count,
                "stop_reason": trainer.stop_reason,
            },
            f"{arguments.out}.{trainer.processes.rank}",
        )


if __name__ == "__main__":
    sys.exit(main())
