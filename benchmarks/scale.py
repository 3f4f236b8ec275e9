r"""How long points beyond memory take, stage by stage, inside a limit of memory.

::

    python benchmarks/scale.py --quick    # 100 000 points, about a minute
    python benchmarks/scale.py --points 50_000_000 --limit 4 --folder /somewhere/with/55/GB

The points are three parallel curved sheets, each a plane of two coordinates, in 100 dimensions.
With --folder the files stay there, and stages that are done are not repeated. Each stage is a
process of its own: points are written block by block, the graph is made by an inverted file and
kept in files, a fit takes a fixed number of steps, and the embedding is streamed to a file. A
stage that needs more than the limit ends with an error: the limit is of the memory that a process
may write to (``RLIMIT_DATA``), as pages of files that are mapped for reading can be dropped at
any time. The peak is that of what the process holds of its own. For a limit of pages of files as
well, the whole is started in a control group: ``systemd-run --scope -p MemoryMax=4G python
benchmarks/scale.py``.
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from _memory import peak_allocated
from _report import Table, write_report

DIM, SHEETS, BLOCK = 100, 3, 100_000
STAGES = ("points", "graph", "fit", "embedding")
_SEED = 0


def sheet_points(first: int, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns points ``[count, 100]``, their coordinates ``[count, 2]`` and sheets ``[count]``.

    A block depends on the number of its first point alone. The sheet is a sum of slow waves of
    its two coordinates in as many directions; sheets differ by a shift across all of them.
    """
    random = np.random.default_rng([_SEED, first])
    uv = random.uniform(-1, 1, (count, 2)).astype(np.float32)
    sheet = random.integers(0, SHEETS, count)
    fixed = np.random.default_rng(_SEED)
    frequency = fixed.normal(size=(2, 20)).astype(np.float32)
    phase = fixed.uniform(0, 2 * np.pi, 20).astype(np.float32)
    axes = np.linalg.qr(fixed.normal(size=(DIM, 23)))[0].T.astype(np.float32)
    waves = np.sin(uv @ frequency + phase)
    shift = (0.5 * (sheet - 1)).astype(np.float32)
    x = 2 * uv @ axes[:2] + 0.5 * waves @ axes[2:22] + shift[:, None] * axes[22]
    return x, uv, sheet


def make_points(folder: Path, num_points: int) -> dict[str, object]:
    from nrae_geometric.datasets import write_points

    blocks = (
        sheet_points(first, min(BLOCK, num_points - first))[0]
        for first in range(0, num_points, BLOCK)
    )
    write_points(folder / "points.npy", blocks)
    return {}


def make_graph(folder: Path, num_points: int) -> dict[str, object]:
    from nrae_geometric.datasets import open_points
    from nrae_geometric.neighbors import FaissBackend, stored_knn_graph

    points = open_points(folder / "points.npy")
    backend = FaissBackend("ivf")
    graph = stored_knn_graph(points, 10, folder / "graph", backend=backend, progress=True)
    return {"recall": None if graph is None else float(graph.recall)}


def fit(folder: Path, num_points: int) -> dict[str, object]:
    from nrae_geometric import ManifoldAutoencoder
    from nrae_geometric.datasets import open_points
    from nrae_geometric.neighbors import open_knn_graph

    points = open_points(folder / "points.npy")
    graph = open_knn_graph(folder / "graph", points)
    # Three coordinates: two along the sheets, one across.
    estimator = ManifoldAutoencoder(3, random_state=0, on_disk=True)
    estimator.fit(points, graph=graph.pair)
    estimator.save(folder / "model.nrae")
    new, _, _ = sheet_points(num_points + 1, 5000)
    return {
        "steps": 50 * estimator.n_epochs_,
        "r2": 1 + float(estimator.score(new)) / float(new.var(axis=0, dtype=np.float64).sum()),
    }


def embed(folder: Path, num_points: int) -> dict[str, object]:
    from nrae_geometric.cli import main as nrae

    paths = (str(folder / name) for name in ("points.npy", "model.nrae", "z.npy"))
    points, model, z = paths
    if nrae(["embed", points, "--model", model, "--out", z]) != 0:
        raise SystemExit(1)
    shape = np.load(z, mmap_mode="r").shape
    assert shape == (num_points, 3), shape
    return {}


RUN = {"points": make_points, "graph": make_graph, "fit": fit, "embedding": embed}


def run_stage(stage: str, folder: Path, num_points: int, limit: float) -> None:
    """Runs a stage in this process, and prints what it took as the last line."""
    most = int(limit * 2**30)
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    start = time.perf_counter()
    with peak_allocated() as peak:
        found = RUN[stage](folder, num_points)
    seconds = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "peak": peak.mebibytes, **found}))


def measure(folder: Path, num_points: int, limit: float) -> Table:
    table = Table(
        f"{num_points} points of {DIM} values ({4 * DIM * num_points / 1e9:.3g} GB), "
        f"{limit:g} GiB of memory",
        ["stage", "seconds", "points a second", "peak (MiB)", "result"],
    )
    for stage in STAGES:
        card = folder / f"{stage}-{num_points}-{limit:g}.json"
        if not card.exists():
            command = [sys.executable, __file__, "--stage", stage, "--folder", str(folder)]
            command += ["--points", str(num_points), "--limit", str(limit)]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
            if done.returncode != 0:
                raise SystemExit(f"the stage {stage!r} ended with the code {done.returncode}")
            card.write_text(done.stdout.splitlines()[-1])
        found = json.loads(card.read_text())
        seconds, peak = found.pop("seconds"), found.pop("peak")
        result = ", ".join(f"{name} {value:.4g}" for name, value in found.items() if value)
        table.add(stage, seconds, num_points / seconds, peak, result or None)
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="100 000 points")
    parser.add_argument("--points", type=int, default=50_000_000, metavar="N", help="how many")
    parser.add_argument("--limit", type=float, default=4.0, metavar="GIB", help="of each stage")
    parser.add_argument(
        "--folder", type=Path, help="for the files, which stay (default: a temporary one)"
    )
    parser.add_argument("--stage", choices=STAGES, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.stage:
        run_stage(arguments.stage, arguments.folder, arguments.points, arguments.limit)
        return
    num_points = 100_000 if arguments.quick else arguments.points
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        needed = num_points * (2.3 * 4 * DIM + 10 * 8 + 12)
        free = shutil.disk_usage(folder).free
        if needed > free and not (folder / "points.npy").exists():
            raise SystemExit(f"{folder} has {free / 1e9:.3g} GB, but {needed / 1e9:.3g} are needed")
        table = measure(folder, num_points, arguments.limit)
    write_report("scale", [table], quick=arguments.quick)


if __name__ == "__main__":
    main()
