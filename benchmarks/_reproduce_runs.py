"""One run of ``reproduce.py``: what it is, and how an experiment is trained and measured."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from _reproduce_extra import cross_validated_sine, unrolled_sheet
from _reproduce_pictures import CURVES, STRIPS, learned

from nrae_geometric.callbacks import EmbeddingStart, MetricRecorder
from nrae_geometric.cli.process import keep_freed_memory
from nrae_geometric.configs import load_config
from nrae_geometric.experiments.build import build_graph, build_loader, build_model
from nrae_geometric.metrics import latent_order, manifold_distance, reconstruction_error
from nrae_geometric.training import Trainer

EVERY = 40
"""Epochs between two measurements of a run."""

PICTURED_SEED = 1
"""The seed whose learned manifolds are kept to be drawn."""

_OWN_EXPERIMENTS: dict[str, Callable[..., dict[str, Any]]] = {
    "NRAE_cross_validated_sine": cross_validated_sine,
    "AE_sheet": unrolled_sheet,
    "NRAEL_sheet": unrolled_sheet,
    "NRAEQ_sheet": unrolled_sheet,
}


@dataclass(frozen=True)
class Run:
    """One training run.

    Args:
        study: What it is part of.
        experiment: A packaged experiment, or one of ``_reproduce_extra.py``.
        overrides: Settings that replace the experiment's.
        held_out: How many training points are kept aside, to stop early by.
    """

    study: str
    experiment: str
    overrides: dict[str, Any] = field(default_factory=dict)
    held_out: int = 0

    @property
    def key(self) -> str:
        settings = ",".join(f"{key}={value}" for key, value in sorted(self.overrides.items()))
        held_out = f",held_out={self.held_out}" if self.held_out else ""
        return f"{self.experiment}:{settings}{held_out}"


def execute(run: Run) -> dict[str, Any]:
    """Trains and measures."""
    torch.set_num_threads(1)
    keep_freed_memory()
    if run.experiment in _OWN_EXPERIMENTS:
        return _OWN_EXPERIMENTS[run.experiment](**run.overrides)
    return _train(run)


def _train(run: Run) -> dict[str, Any]:
    """The error and order of the clean points, at the end and on the way, and their latents."""
    config = load_config(run.experiment, run.overrides)
    section = config.data.training
    torch.manual_seed(config.seed)
    dataset = section.build(config.seed)
    points = dataset[0]
    clean = dataset.manifold() if section.dataset == "synthetic" else points
    kept = torch.randperm(points.num_nodes)[run.held_out :].sort().values
    held_out = torch.ones(points.num_nodes, dtype=torch.bool).index_fill(0, kept, False)
    data = build_graph(points.subgraph(kept), section)
    model = build_model(config.model, data.x.shape[1:])
    recorders = []
    for name, measured in {"clean": clean, "held out": points.subgraph(held_out)}.items():
        if measured.num_nodes:
            recorder = MetricRecorder(
                ["reconstruction_error"], data, every=EVERY, test=measured, manifold=measured
            )
            recorder.name = name
            recorders.append(recorder)
    start = EmbeddingStart() if config.training.init == "geodesic" else None
    trainer = Trainer(
        config.training.num_epochs,
        config.optimizer.lr,
        device="cpu",
        seed=config.seed,
        callbacks=recorders if start is None else [start, *recorders],
        progress=False,
    )
    trainer.fit(model, build_loader(data, config))
    model.eval()
    with torch.no_grad():
        z = model.encode(clean.x)
        error = reconstruction_error(clean.x, model.decode(z)).item()
    curves = [[record["reconstruction_error"] for record in each.records] for each in recorders]
    measured = {"error": error, "spearman": latent_order(z, clean.y).spearman, "curves": curves}
    if section.dataset == "synthetic":
        distance = manifold_distance(model.decode, model.encode(points.x), clean.x)
        measured["distance"] = (distance.learned_to_true + distance.true_to_learned) / 2
    if config.seed == PICTURED_SEED and run.study in (*CURVES, *STRIPS) and not run.held_out:
        measured |= learned(model, data)
    if section.dataset == "mnist" and start is not None and start.coordinates is not None:
        measured["loop"] = start.coordinates.loop is not None
        measured["latents"] = [round(value, 4) for value in z.flatten().tolist()]
    return measured
