"""A short fit of every registered model on several processes, as a script."""

import argparse

import torch
from several_processes import network
from torch_geometric.data import Data

from nrae_geometric.callbacks import EmbeddingStart
from nrae_geometric.loader import NeighborhoodLoader
from nrae_geometric.nn.models.regularized import RegularizedSettings
from nrae_geometric.registry import MODELS
from nrae_geometric.training import Trainer
from nrae_geometric.transforms import KNNGraph

GIVEN = {
    "nrael": {"kernel": {"type": "binary", "lambda": 0.5}},
    "nraeq": {"kernel": {"type": "gaussian", "bandwidth": 1.0}},
    "dae": {"noise": 0.0},  # each process draws that of its own rows, as dropout
}
FURTHER = [
    ("ggae", {"distance": "euclidean"}),
    ("parametric_umap", {"joint": False}),
    ("spae", {"per_point": True}),
]


def cases():
    """The name of a model, some of its settings and a number of latents."""
    for name in MODELS.names():
        # Beyond 16 latents, some losses are estimated from draws.
        yield from ((name, {}, num_latents) for num_latents in (2, 17))
        if issubclass(MODELS[name], RegularizedSettings):
            yield name, {"neighborhood_weight": 0.5}, 2
    yield from ((name, more, 2) for name, more in FURTHER)


def uneven_graph():
    """Points with different numbers of neighbors."""
    t = torch.linspace(3, 9, 52, dtype=torch.float64)
    roll = torch.stack([t * t.cos(), t * t.sin()], dim=1) / 6
    generator = torch.Generator().manual_seed(0)
    turn = torch.randn(2, 20, generator=generator, dtype=torch.float64)
    data = KNNGraph(5)(Data(x=(roll @ turn).tanh()))
    kept = torch.arange(data.num_edges) % 7 > 0
    data.edge_index, data.edge_length = data.edge_index[:, kept], data.edge_length[kept]
    return data


def fit(name, settings, num_latents, devices):
    settings = {"arch": name, **GIVEN.get(name, {}), **settings}
    settings = MODELS[name].model_validate(settings)
    torch.manual_seed(0)
    encoder = network([20, 24, settings.encoder_width(num_latents)])
    model = settings.build(encoder, network([num_latents, 24, 20]))
    data = model.prepared(uneven_graph())
    learned = torch.arange(52) % 5 > 0  # 41 of them, the last batch of an epoch is of one
    options = {"batch_size": 20, "generator": torch.Generator()}
    loader = NeighborhoodLoader(data, None, input_nodes=learned, shuffle=True, **options)
    validation = NeighborhoodLoader(data, None, input_nodes=~learned, **options)
    start = [EmbeddingStart("geodesic", num_steps=2)] if settings.needs_embedding else []
    trainer = Trainer(
        3,
        1e-2,
        device="cpu",
        devices=devices,
        precision="64-true",
        seed=1,
        callbacks=start,
        progress=False,
    )
    trainer.fit(model, loader, validation=validation)
    result = {"model": model.state_dict(), "history": trainer.history}
    return result, trainer.processes.rank


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--devices", type=int, default=1)
    parser.add_argument("--out")
    arguments = parser.parse_args()
    results = {}
    for name, settings, num_latents in cases():
        result, rank = fit(name, settings, num_latents, arguments.devices)
        results[name, str(settings), num_latents] = result
    torch.save(results, f"{arguments.out}.{rank}")


if __name__ == "__main__":
    main()
