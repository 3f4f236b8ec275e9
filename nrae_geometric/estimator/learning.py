"""From an estimator's parameters and a graph to a trained model."""

from typing import Any

import torch
from torch_geometric import seed_everything
from torch_geometric.data import Data

from nrae_geometric.callbacks import EmbeddingStart
from nrae_geometric.loader import NeighborhoodLoader
from nrae_geometric.nn import NRAE, BinaryKernel, mlp
from nrae_geometric.training import Trainer
from nrae_geometric.training.history import EpochRecord


def new_model(parameters: Any, num_features: int) -> NRAE:
    """Returns a freshly initialized model.

    Args:
        parameters: Anything with the attributes of an estimator.
        num_features: Number of values of a point.
    """
    widths = [num_features, *parameters.hidden, parameters.latent_dim]
    return NRAE(
        mlp(widths, parameters.activation),
        mlp(widths[::-1], parameters.activation),
        parameters.order,
        BinaryKernel(parameters.weight),
    )


def learn(parameters: Any, data: Data, seed: int) -> tuple[NRAE, list[EpochRecord]]:
    """Trains a model on points and their graph, where they live.

    Args:
        parameters: Anything with the attributes of an estimator.
        data: Points ``x [N, D]`` and their ``edge_index``.
        seed: Seeds the global random generators, too.

    Returns:
        The model in evaluation mode, and its history.
    """
    seed_everything(seed)
    model = new_model(parameters, data.x.size(1))
    loader = NeighborhoodLoader(
        data,
        parameters.num_neighbors,
        batch_size=parameters.batch_size,
        shuffle=True,
        generator=torch.Generator(),
    )
    trainer = Trainer(
        parameters.num_epochs,
        parameters.lr,
        device=data.x.device,
        seed=seed,
        progress=parameters.progress,
        callbacks=[] if parameters.init == "random" else [EmbeddingStart(parameters.init)],
    )
    trainer.fit(model, loader)
    return model.eval(), trainer.history
