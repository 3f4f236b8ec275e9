"""The measurements of ``cost_model.py``: small ones to fit to, larger ones to check with."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _cost_formulas import PROBES, TILE, Network, Work, cells
from _cost_formulas import disk_ivf_graph as disk_ivf_work
from _cost_formulas import embedding as embedding_work
from _cost_formulas import exact_graph as exact_work
from _cost_formulas import exact_graph_on_manifold as manifold_work
from _cost_formulas import hnsw_graph as hnsw_work
from _cost_formulas import ivf_graph as ivf_work
from _cost_formulas import start as start_work
from _cost_formulas import training_on as training_work
from _memory import peak_allocated, peak_memory
from torch_geometric.data import Data

from nrae_geometric import ManifoldAutoencoder
from nrae_geometric.cli.process import flush_denormals, keep_freed_memory
from nrae_geometric.datasets import read_blocks
from nrae_geometric.datasets.writing import write_points
from nrae_geometric.geodesics import geodesic_coordinates
from nrae_geometric.loader import NeighborhoodLoader
from nrae_geometric.neighbors import FaissBackend, streamed_knn
from nrae_geometric.neighbors.backends.torch import TorchBackend
from nrae_geometric.nn import NRAE, BinaryKernel, mlp
from nrae_geometric.training.step import TrainingStep

K, LATENT = 10, 2
# A repeat more while all took no longer than so many seconds: other work may disturb some.
_REPEATS, _LONG = 5, 3.0
_WARM_POINTS, _WARM_STEPS, _STEPS = 4000, 5, 15


@dataclass(frozen=True)
class Run:
    """A measurement.

    Attributes:
        stage: A name in :data:`STAGES`.
        num: The number of points.
        dim: The number of values of each.
        held_out: Whether the model is checked with it, and not fitted to it.
        block: Rows of a tile of the exact search.
        landmarks: Of the start.
        batch_size: Of training.
        width: Of the hidden layers.
        order: Of the expansion; the second with ELU, the first with ReLU, as the estimator has it.
        steps: Of training.
    """

    stage: str
    num: int
    dim: int
    held_out: bool = False
    block: int = TILE
    landmarks: int = 32
    batch_size: int = 256
    width: int = 256
    order: int = 1
    steps: int = _STEPS

    @property
    def key(self) -> str:
        """What tells it from others."""
        return f"{self.stage}: {self.size}"

    @property
    def size(self) -> str:
        """Its size in words."""
        setting = STAGES[self.stage].setting
        extra = "" if setting is None else setting(self)
        name = f"{self.num:,} x {self.dim}".replace(",", " ")
        return f"{name}, {extra}" if extra else name

    @property
    def network(self) -> Network:
        """Its network."""
        return Network((self.dim, *(self.width,) * 3, LATENT), smooth=self.order == 2)


def sheets(num: int, dim: int, count: int = 3, seed: int = 0) -> torch.Tensor:
    """Points on wavy sheets, as those of ``fit_speed.py``, of any number of values."""
    rng = np.random.default_rng(seed)
    x = np.empty((num, dim), np.float32)
    centers = np.linalg.qr(rng.normal(size=(dim, 3)))[0].T * (6 / np.sqrt(2))
    for s in range(count):
        basis = np.linalg.qr(rng.normal(size=(dim, 10)))[0].T
        waves, phase = rng.normal(scale=2.0, size=(2, 8)), rng.uniform(0, 2 * np.pi, 8)
        u = rng.uniform(-1, 1, (len(x[s::count]), 2))
        x[s::count] = centers[s] + u @ basis[:2] + np.sin(u @ waves + phase) @ basis[2:] / 4
    return torch.from_numpy(x)


def timed(call: Callable[[], Any], held: float) -> dict[str, Any]:
    """Processor seconds of some calls, and the bytes at the peak with those held before.

    With one thread on an idle machine they are the seconds that pass; other work adds none.
    """
    seconds: list[float] = []
    with peak_memory() as peak:
        while not seconds or (len(seconds) < _REPEATS and sum(seconds) < _LONG):
            started = time.process_time()
            call()
            seconds.append(time.process_time() - started)
    memory = None if peak.mebibytes is None else held + peak.mebibytes * 2**20
    return {"seconds": seconds, "memory": memory}


def _exact(run: Run) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(run.num, run.dim, generator=generator)
    if run.stage == "exact graph, manifold":
        x = sheets(run.num, run.dim)
    backend = TorchBackend(block_size=run.block)
    return timed(lambda: backend.search(x, K, None), x.nbytes)


def _ivf(run: Run) -> dict[str, Any]:
    import faiss

    faiss.omp_set_num_threads(torch.get_num_threads())
    x = sheets(run.num, run.dim).numpy()

    def search() -> None:
        index = faiss.IndexIVFFlat(faiss.IndexFlatL2(run.dim), run.dim, cells(run.num))
        index.train(x)
        index.add(x)
        index.nprobe = PROBES
        index.search(x, K + 1)

    return timed(search, x.nbytes)


def _disk_ivf(run: Run) -> dict[str, Any]:
    x = sheets(run.num, run.dim)
    with peak_allocated() as before:
        pass
    with peak_allocated() as peak:
        found = timed(lambda: streamed_knn(x, K, backend=FaissBackend("ivf")), 0)
    if before.mebibytes is not None and peak.mebibytes is not None:
        # Without the pages of its files, which the system can drop.
        found["memory"] = (peak.mebibytes - before.mebibytes) * 2**20
    return found


def _hnsw(run: Run) -> dict[str, Any]:
    import faiss

    faiss.omp_set_num_threads(torch.get_num_threads())
    x = sheets(run.num, run.dim).numpy()

    def search() -> None:
        index = faiss.IndexHNSWFlat(run.dim, 32)
        index.add(x)
        index.search(x, K + 1)

    return timed(search, x.nbytes)


def _start(run: Run) -> dict[str, Any]:
    import faiss

    x = sheets(run.num, run.dim, count=1)
    index = faiss.IndexIVFFlat(faiss.IndexFlatL2(run.dim), run.dim, cells(run.num))
    index.train(x.numpy())
    index.add(x.numpy())
    index.nprobe = 4
    near = torch.from_numpy(index.search(x.numpy(), K + 1)[1][:, 1:].copy())
    del index
    edges = torch.stack([near.flatten(), torch.arange(run.num).repeat_interleave(K)])
    del near
    held = x.nbytes + edges.nbytes
    return timed(lambda: geodesic_coordinates(x, edges, LATENT, run.landmarks), held)


def _training(run: Run) -> dict[str, Any]:
    torch.manual_seed(0)
    keep_freed_memory()
    flush_denormals()
    data = Data(x=torch.rand(run.num, run.dim))
    data.edge_index = torch.empty(2, run.num * K, dtype=torch.long)
    data.edge_index[0].random_(run.num)
    data.edge_index[1].view(run.num, K)[:] = torch.arange(run.num)[:, None]
    held = data.x.nbytes + data.edge_index.nbytes
    seconds: list[float] = []
    with peak_memory() as peak:
        loader = NeighborhoodLoader(data, 1, batch_size=run.batch_size, shuffle=True)
        widths, activation = run.network.widths, "elu" if run.order == 2 else "relu"
        model = NRAE(
            mlp(widths, activation), mlp(widths[::-1], activation), run.order, BinaryKernel(0.2)
        )
        step = TrainingStep(model, 1e-3, torch.device("cpu"))

        def batches():
            while True:
                yield from loader

        source = batches()
        for _ in range(_WARM_STEPS):
            step(next(source))
        while not seconds or (len(seconds) < _REPEATS and sum(seconds) < _LONG):
            started = time.process_time()
            for _ in range(run.steps):
                step(next(source))
            seconds.append(time.process_time() - started)
    memory = None if peak.mebibytes is None else held + peak.mebibytes * 2**20
    return {"seconds": seconds, "memory": memory}


def _embedding(run: Run) -> dict[str, Any]:
    generator = np.random.default_rng(0)
    estimator = ManifoldAutoencoder(
        LATENT, hidden_layer_sizes=(run.width,) * 3, max_epochs=1, random_state=0, init="pca"
    )
    estimator.fit(generator.normal(size=(200, run.dim)).astype(np.float32))
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder, "x.npy"), Path(folder, "z.npy")
        x = np.lib.format.open_memmap(path, "w+", np.float32, (run.num, run.dim))
        for rows in range(0, run.num, 2**14):
            part = x[rows : rows + 2**14]
            part[:] = generator.normal(size=part.shape)
        del x

        def embed() -> None:
            blocks = read_blocks(path, 2**22 // run.dim)
            write_points(out, map(estimator.transform, blocks))

        return timed(embed, 0)


@dataclass(frozen=True)
class Stage:
    """A stage: what it does in a run by its formulas, its measurement, and a setting's words."""

    work: Callable[[Run], Work]
    execute: Callable[[Run], dict[str, Any]]
    setting: Callable[[Run], str] | None = None


STAGES: dict[str, Stage] = {
    "exact graph": Stage(lambda run: exact_work(run.num, run.dim, K), _exact),
    "exact graph, manifold": Stage(
        lambda run: manifold_work(run.num, run.dim, K, run.block),
        _exact,
        lambda run: "" if run.block == TILE else f"tiles of {run.block}",
    ),
    "IVF graph": Stage(lambda run: ivf_work(run.num, run.dim, K), _ivf),
    "IVF graph, on disk": Stage(lambda run: disk_ivf_work(run.num, run.dim, K), _disk_ivf),
    "HNSW graph": Stage(lambda run: hnsw_work(run.num, run.dim, K), _hnsw),
    "start": Stage(
        lambda run: start_work(run.num, run.dim, K, LATENT, run.landmarks),
        _start,
        lambda run: f"{run.landmarks} landmarks",
    ),
    "training": Stage(
        lambda run: training_work(
            run.num, run.network, K, run.batch_size, run.steps, order=run.order
        ),
        _training,
        lambda run: f"{run.steps} steps of {run.batch_size}, width {run.width}, order {run.order}",
    ),
    "embedding": Stage(
        lambda run: embedding_work(run.num, run.network),
        _embedding,
        lambda run: f"width {run.width}",
    ),
}
"""The stages in the order of a fit."""


def execute(run: Run) -> dict[str, Any]:
    """Measures a run, after a small one that loads what belongs to none."""
    stage = STAGES[run.stage]
    stage.execute(replace(run, num=_WARM_POINTS, steps=1))
    return stage.execute(run)


def _runs(stage: str, *settings: dict[str, Any]) -> list[Run]:
    return [Run(stage, **{"dim": 100, **each}) for each in settings]


RUNS: list[Run] = [
    *_runs(
        "exact graph",
        {"num": 20_000, "dim": 32},
        {"num": 20_000, "dim": 128},
        {"num": 30_000, "dim": 64},
        {"num": 40_000},
        {"num": 60_000},
        {"num": 80_000, "dim": 64, "held_out": True},
        {"num": 100_000, "held_out": True},
        {"num": 150_000, "dim": 64, "held_out": True},
    ),
    *_runs(
        "exact graph, manifold",
        {"num": 30_000},
        {"num": 60_000},
        {"num": 40_000, "block": 512},
        {"num": 80_000, "block": 512},
        {"num": 200_000, "held_out": True},
        {"num": 500_000, "held_out": True},
    ),
    *_runs(
        "IVF graph",
        {"num": 10_000},
        {"num": 20_000},
        {"num": 20_000, "dim": 32},
        {"num": 50_000},
        {"num": 100_000, "dim": 32, "held_out": True},
        {"num": 200_000, "held_out": True},
    ),
    *_runs(
        "IVF graph, on disk",
        {"num": 20_000},
        {"num": 20_000, "dim": 32},
        {"num": 50_000, "dim": 64},
        {"num": 100_000},
        {"num": 200_000, "dim": 32, "held_out": True},
        {"num": 300_000, "held_out": True},
        {"num": 1_000_000, "held_out": True},
    ),
    *_runs(
        "HNSW graph",
        {"num": 10_000},
        {"num": 20_000},
        {"num": 40_000},
        {"num": 100_000, "held_out": True},
        {"num": 200_000, "held_out": True},
        {"num": 400_000, "held_out": True},
    ),
    *_runs(
        "start",
        {"num": 50_000, "landmarks": 4},
        {"num": 50_000, "landmarks": 128},
        {"num": 100_000, "landmarks": 4},
        {"num": 100_000, "landmarks": 64},
        {"num": 200_000, "landmarks": 20, "held_out": True},
        {"num": 300_000, "landmarks": 32, "held_out": True},
    ),
    *_runs(
        "training",
        {"num": 20_000, "batch_size": 64, "width": 64},
        {"num": 20_000, "batch_size": 256, "width": 64},
        {"num": 20_000, "batch_size": 256, "width": 256},
        {"num": 20_000, "batch_size": 1024, "width": 128},
        {"num": 20_000, "batch_size": 256, "width": 256, "order": 2},
        {"num": 20_000, "batch_size": 1024, "width": 256, "dim": 16},
        {"num": 200_000, "batch_size": 512, "width": 512, "held_out": True},
        {"num": 200_000, "batch_size": 1024, "width": 256, "order": 2, "held_out": True},
        {"num": 1_000_000, "batch_size": 1024, "width": 256, "steps": 150, "held_out": True},
    ),
    *_runs(
        "embedding",
        {"num": 50_000, "width": 64},
        {"num": 50_000, "width": 256},
        {"num": 100_000, "dim": 32},
        {"num": 200_000, "held_out": True, "width": 512},
        {"num": 1_000_000, "held_out": True},
    ),
]
"""All measurements; four minutes with one thread."""
