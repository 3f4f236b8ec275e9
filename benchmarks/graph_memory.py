"""How much memory a graph of points on the disk takes, and coordinates along a graph of many.

    python benchmarks/graph_memory.py --points 200000 --rows 10000
    python benchmarks/graph_memory.py --search ivf --rows 100000 --shard-bytes 67108864
    python benchmarks/graph_memory.py --geodesics --points 100000 --landmarks 256

Points of 64 values near a curved manifold of eight dimensions are written to a temporary file and
searched for ten neighbors of some of their rows. The geodesic coordinates are those of a Swiss
roll. Memory is the peak of what the process holds beyond its start, without pages of mapped files.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from _memory import peak_allocated
from sklearn.datasets import make_swiss_roll

from nrae_geometric.geodesics import geodesic_coordinates
from nrae_geometric.neighbors import FaissBackend, streamed_knn
from nrae_geometric.neighbors.search import knn_edges

K, DIM, LATENT_DIM, BLOCK = 10, 64, 8, 50_000


def write_points(path: Path, num_points: int) -> None:
    random = np.random.default_rng(0)
    weight = 0.5 * random.standard_normal((LATENT_DIM, DIM), dtype=np.float32)
    points = np.lib.format.open_memmap(path, "w+", np.float32, (num_points, DIM))
    for start in range(0, num_points, BLOCK):
        size = min(BLOCK, num_points - start)
        latent = random.standard_normal((size, LATENT_DIM), dtype=np.float32)
        noise = random.standard_normal((size, DIM), dtype=np.float32)
        points[start : start + size] = np.tanh(latent @ weight) + 0.01 * noise
    points.flush()


@contextmanager
def measured(name: str) -> Iterator[None]:
    start = time.perf_counter()
    with peak_allocated() as first:
        pass
    with peak_allocated() as peak:
        yield
    seconds = time.perf_counter() - start
    if first.mebibytes is None or peak.mebibytes is None:
        raise SystemExit("memory is measured on Linux only")
    print(f"{name}: {seconds:.1f} s, {peak.mebibytes - first.mebibytes:.0f} MiB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--search", choices=["exact", "ivf", "hnsw"], default="exact")
    parser.add_argument("--shard-bytes", type=int, default=1 << 30)
    parser.add_argument("--geodesics", action="store_true")
    parser.add_argument("--landmarks", type=int, default=256)
    arguments = parser.parse_args()
    if arguments.geodesics:
        roll = make_swiss_roll(arguments.points, random_state=0)[0].astype(np.float32)
        edge_index, edge_length = knn_edges(roll, K)
        with measured(f"coordinates of {arguments.points} points, {arguments.landmarks} landmarks"):
            geodesic_coordinates(
                torch.from_numpy(roll),
                edge_index,
                2,
                num_landmarks=arguments.landmarks,
                edge_length=edge_length,
            )
        return
    is_exact = arguments.search == "exact"
    engine = "torch" if is_exact else FaissBackend(arguments.search, 0.95, arguments.shard_bytes)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "points.npy")
        write_points(path, arguments.points)
        rows = range(min(arguments.rows, arguments.points))
        with measured(f"{len(rows)} of {arguments.points} points x {DIM}, {arguments.search}"):
            streamed_knn(np.load(path, mmap_mode="r"), K, rows, backend=engine)
    if not is_exact:
        print(f"recall {engine.measured_recall:.4f}")


if __name__ == "__main__":
    main()
