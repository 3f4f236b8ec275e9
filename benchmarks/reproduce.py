r"""Whether the published claims hold, over many seeds, and what repairs the seeds that fail.

::

    python benchmarks/reproduce.py --quick          # small, for a first look
    python benchmarks/reproduce.py                  # the record; hours on two cores
    python benchmarks/reproduce.py --studies roll   # one study

Each run is one experiment with one seed and its overrides. Finished runs are kept in
``results/reproduce_runs.json`` and never repeated, so that an interrupted record goes on where it
stopped; tables and figures are made from that file.
"""

import argparse
import json
import multiprocessing
import os
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from _report import RESULTS, Table, write_report
from tqdm import tqdm

from nrae_geometric.files import replacing
from nrae_geometric.metrics import latent_order, reconstruction_error
from nrae_geometric.training import MetricRecorder, Trainer, load_experiment
from nrae_geometric.training.build import build_dataset, build_graph, build_loader, build_model

MODELS = ("AE", "NRAEL", "NRAEQ")
EVERY = 40
"""Epochs between two measurements of a run."""


@dataclass(frozen=True)
class Run:
    """One training run.

    Args:
        study: What it is part of.
        experiment: A packaged experiment.
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
    """Trains and measures: the error and order of the clean points, at the end and on the way."""
    torch.set_num_threads(1)
    config = load_experiment(run.experiment, run.overrides)
    section = config.data.training
    torch.manual_seed(config.seed)
    dataset = build_dataset(section, config.seed)
    points = dataset[0]
    clean = dataset.manifold() if section.dataset == "synthetic" else points
    kept = torch.randperm(points.num_nodes)[run.held_out :].sort().values
    held_out = torch.ones(points.num_nodes, dtype=torch.bool).index_fill(0, kept, False)
    data = build_graph(points.subgraph(kept), section)
    model = build_model(config.model, data.x.shape[1:])
    num_epochs = config.training.num_epochs
    recorder = MetricRecorder(
        ["reconstruction_error"],
        data,
        num_epochs=num_epochs,
        every=EVERY,
        test=clean,
        manifold=clean,
    )
    callbacks = [recorder]
    if run.held_out:
        aside = points.subgraph(held_out)
        callbacks.append(
            MetricRecorder(
                ["reconstruction_error"],
                data,
                num_epochs=num_epochs,
                every=EVERY,
                test=aside,
                manifold=aside,
            )
        )
    trainer = Trainer(
        num_epochs,
        config.optimizer.lr,
        device="cpu",
        seed=config.seed,
        callbacks=callbacks,
        progress=False,
        init=config.training.init,
    )
    trainer.fit(model, build_loader(data, section, config.seed))
    model.eval()
    with torch.no_grad():
        z = model.encode(clean.x)
        error = reconstruction_error(clean.x, model.decode(z)).item()
    curves = [[record["reconstruction_error"] for record in each.records] for each in callbacks]
    order = latent_order(z, clean.y).spearman
    return {"error": error, "spearman": order, "curves": curves}


def studies(num_seeds: int, *, quick: bool) -> list[Run]:
    """All runs of the record."""
    short = {"training.num_epochs": 200} if quick else {}
    runs = [
        Run(study, f"{model}_{experiment}", {"seed": seed, **short})
        for study, experiment, seeds in (
            ("sine", "toy_denoising", num_seeds),
            ("roll", "toy_geometry_preserving", num_seeds),
            ("rotated", "mnist_rotated", min(num_seeds, 3)),
            ("shifted", "mnist_shifted", min(num_seeds, 3)),
        )
        for seed in range(1, seeds + 1)
        for model in MODELS
    ]
    runs += [
        Run("sine", "AE_toy_denoising", {"seed": seed, **short}, held_out=10)
        for seed in range(1, num_seeds + 1)
    ]
    # The warm start has 500 steps of all points; with 600 epochs of two steps each it costs less
    # than half of the published 2001 epochs.
    runs += [
        Run(
            "roll",
            f"{model}_toy_geometry_preserving",
            {
                "seed": seed,
                "training.init": "geodesic",
                "training.num_epochs": 200 if quick else 600,
            },
        )
        for seed in range(1, 2 * num_seeds + 1)
        for model in MODELS[1:]
    ]
    if quick:
        return runs
    for noise in (0.05, 0.1, 0.2, 0.3, 0.4):
        for num_data in (20, 50, 100, 200, 500):
            # As many steps as the published 50 points get, in however many epochs.
            epochs = max(1, round(2001 * 2 / -(-num_data // 32)))
            overrides = {
                "data.training.noise_level": noise,
                "data.training.num_data": num_data,
                "training.num_epochs": epochs,
                "seed": 1,
            }
            runs += [Run("noise and size", f"{model}_toy_denoising", overrides) for model in MODELS]
    for k in (2, 5, 10, 15, 20):
        for weight in (1, 10, 100, 1000):
            overrides = {
                "data.training.graph.num_nn": k,
                "model.kernel.lambda": weight,
                "seed": 1,
            }
            runs += [
                Run("k and lambda", f"{model}_toy_denoising", overrides) for model in MODELS[1:]
            ]
    return runs


def finish(runs: Iterable[Run], jobs: int, name: str) -> dict[str, dict[str, Any]]:
    """Runs what has not been run, and returns the record of all."""
    path = RESULTS / f"{name}_runs.json"
    record = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    missing = {run.key: run for run in runs if run.key not in record}
    # Forking a process in which PyTorch has started threads may hang.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context) as pool:
        pending = {pool.submit(execute, run): run for run in missing.values()}
        try:
            for future in tqdm(as_completed(pending), total=len(pending), unit="run"):
                run = pending[future]
                record[run.key] = {**asdict(run), **future.result()}
                with replacing(path) as temporary:
                    temporary.write_text(json.dumps(record, indent=0) + "\n", encoding="utf-8")
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return record


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="two seeds and 200 epochs")
    parser.add_argument("--seeds", type=int, default=10, help="seeds of the toy experiments")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="runs at a time")
    parser.add_argument("--studies", nargs="+", help="only these")
    arguments = parser.parse_args()
    from _reproduce_report import figures, tables

    name = "reproduce_quick" if arguments.quick else "reproduce"
    runs = studies(2 if arguments.quick else arguments.seeds, quick=arguments.quick)
    if arguments.studies:
        unknown = set(arguments.studies) - {run.study for run in runs}
        if unknown:
            parser.error(f"unknown studies {', '.join(sorted(unknown))}")
        runs = [run for run in runs if run.study in arguments.studies]
    record = finish(runs, arguments.jobs, name)
    made: list[Table] = tables(record.values())
    write_report("reproduce", made, quick=arguments.quick)
    figures(list(record.values()), name)


if __name__ == "__main__":
    main()
