"""How long a k-nearest-neighbor graph takes, against the libraries that users would use instead.

    python benchmarks/knn_speed.py --quick        # under two minutes on two cores
    python benchmarks/knn_speed.py                # the published table, about twenty minutes

Competitors take turns in one process with the same number of threads, each after a run whose
result is compared with the exact float64 neighbors of a sample; where that run takes long, its
time counts. What would take more than five minutes, by its time for fewer points, is skipped. The
floors are the times of the matrix product of half the distance matrix in float32 and in bfloat16,
in which the library's own backend multiplies where that is fast, measured between the competitors'
turns. The memory of `auto` is its peak beyond the points and the result.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
from _knn_competitors import MAX_TREE_DIM, Competitor, K, competitors
from _memory import peak_memory
from _report import Table, write_report
from torch import Tensor

SAMPLE = 200
LATENT_DIM = 8
TILE = 2048
# A competitor that takes longer is skipped; one that takes this long is run once.
MAX_SECONDS, LONG_SECONDS = 300, 20
# Points from which the time of a competitor is foretold.
SLICE = 20_000
EXACT = {"auto", "torch", "scipy"}
COLUMNS = [
    "points",
    "backend",
    "seconds",
    "recall",
    "÷ float32 product",
    "÷ bfloat16 product",
    "÷ auto",
    "memory (MiB)",
]


class Case(NamedTuple):
    """Points to search: `num_points` of `dim` coordinates, and how often each backend is timed."""

    num_points: int
    dim: int
    repeats: int


QUICK = [Case(3_000, 784, 2), Case(50_000, 3, 2), Case(10_000, 8, 2), Case(6_000, 64, 2)]
# The largest first: the process has then held nothing yet that its memory might be confused with.
FULL = [
    Case(1_000_000, 64, 1),
    Case(60_000, 784, 3),
    Case(1_000_000, 3, 3),
    Case(100_000, 8, 3),
    Case(20_000, 8, 5),
    Case(20_000, 12, 5),
    Case(20_000, 64, 5),
]
CUDA = [Case(60_000, 784, 5), Case(1_000_000, 64, 3), Case(1_000_000, 784, 1)]


def make_points(case: Case, device: str) -> Tensor:
    """MNIST where the case has its shape and `NRAE_DATA` has the files; else Gaussian points, in
    many dimensions near a curved manifold of eight: no index approximates a Gaussian of more."""
    if case.dim == 784 and case.num_points <= 60_000 and "NRAE_DATA" in os.environ:
        from nrae_geometric.datasets import MNIST

        images = MNIST(Path(os.environ["NRAE_DATA"]), download=False).x
        return images.flatten(1)[: case.num_points].to(device)
    generator = torch.Generator().manual_seed(0)
    if case.dim <= MAX_TREE_DIM:
        return torch.randn(case.num_points, case.dim, generator=generator).to(device)
    latent = torch.randn(case.num_points, LATENT_DIM, generator=generator)
    x = (latent @ (0.5 * torch.randn(LATENT_DIM, case.dim, generator=generator))).tanh_()
    for part in x.split(1 << 16):
        part += 0.01 * torch.randn(part.shape, generator=generator)
    return x.to(device)


class Exact(NamedTuple):
    """A sample of the points, and the exact squared distance of each to its k-th neighbor."""

    rows: Tensor
    radius: Tensor


def exact_sample(x: Tensor) -> Exact:
    """Searches the neighbors of a sample in float64."""
    rows = torch.arange(0, x.size(0), max(1, x.size(0) // SAMPLE), device=x.device)[:SAMPLE]
    nearest = torch.full((len(rows), 0), torch.inf, dtype=torch.float64, device=x.device)
    for part in x.split(8192):
        # Far beyond what float32 data needs; the zero of a point itself is one of the K + 1.
        squared = torch.cdist(
            x[rows].double(), part.double(), compute_mode="donot_use_mm_for_euclid_dist"
        ).square()
        nearest = torch.cat([nearest, squared], dim=1)
        nearest = nearest.topk(min(K + 1, nearest.size(1)), largest=False).values
    return Exact(rows, nearest[:, K])


def recall(x: Tensor, index: Tensor, exact: Exact) -> float:
    """Share of neighbors of the sample that are as near as the exact ones, ties included."""
    near = 0
    for row, radius in zip(exact.rows.tolist(), exact.radius, strict=True):
        neighbors = index[row].unique()
        squared = (x[neighbors].double() - x[row].double()).square().sum(1)
        near += int((squared <= radius * (1 + 1e-6)).sum())
    return near / (len(exact.rows) * K)


def half_product_seconds(x: Tensor, dtype: torch.dtype) -> float:
    """Time of the product of half the distance matrix in some precision, from one tile of it."""
    tile = x[:TILE].to(dtype)
    out = tile.new_empty(len(tile), len(tile))
    seconds = [timed(lambda _: torch.mm(tile, tile.T, out=out), x)[0] for _ in range(6)][1:]
    return statistics.mean(seconds) * (x.size(0) / len(tile)) ** 2 / 2


def timed(run: Callable[[Tensor], Tensor], x: Tensor) -> tuple[float, Tensor]:
    """Seconds, and what came out."""
    wait(x)
    start = time.perf_counter()
    out = run(x)
    wait(x)
    return time.perf_counter() - start, out


def wait(x: Tensor) -> None:
    if x.is_cuda:
        torch.cuda.synchronize()


def expected_seconds(backend: Competitor, x: Tensor) -> float:
    """What the time for fewer points lets expect; zero if there are no more than those."""
    if x.size(0) <= 2 * SLICE:
        return 0.0
    part = x[:SLICE]
    backend.search(part[:1000])
    return timed(backend.search, part)[0] * (x.size(0) / SLICE) ** backend.power


def measure(case: Case, device: str, table: Table, names: list[str] | None = None) -> None:
    x = make_points(case, device)
    points = f"{case.num_points:,} × {case.dim}"
    exact = exact_sample(x)
    seconds: dict[str, list[float]] = {}
    recalls: dict[str, float] = {}
    memory: dict[str, float | None] = {}
    backends = competitors(case.dim, device)
    for name in list(backends):
        if names is not None and name not in ("auto", *names):
            continue
        expected = 0.0 if name == "auto" else expected_seconds(backends[name], x)
        if expected > MAX_SECONDS:
            reason = f"{name} (skipped: about {expected / 60:.0f} minutes)"
            table.add(points, reason, *[None] * (len(COLUMNS) - 2))
            continue
        backends[name].search(x[:1000])
        with peak_memory() as peak:
            first, index = timed(backends[name].search, x)
        seconds[name] = [first]
        recalls[name] = recall(x, index, exact)
        if name == "auto" and peak.mebibytes is not None and device == "cpu":
            # Distance and index both belong to the result.
            result = index.numel() * (index.element_size() + x.element_size()) / 2**20
            memory[name] = peak.mebibytes - result
        if name in EXACT and recalls[name] < 1:
            raise RuntimeError(f"{name} missed neighbors: recall {recalls[name]} on {case}")
    short = [name for name, times in seconds.items() if times[0] < LONG_SECONDS]
    for name in short if case.repeats > 1 else []:
        seconds[name] = []
    floors: dict[torch.dtype, list[float]] = {torch.float32: [], torch.bfloat16: []}
    for turn in range(1 + case.repeats if case.repeats > 1 else 1):
        for dtype, times in floors.items():
            times.append(half_product_seconds(x, dtype))
        if turn == 0:
            continue
        for name in short:
            seconds[name].append(timed(backends[name].search, x)[0])
    products = [statistics.median(times) for times in floors.values()]
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    for name, median in sorted(medians.items(), key=lambda item: item[1]):
        ratios = (median / reference for reference in (*products, medians["auto"]))
        table.add(points, name, median, recalls[name], *ratios, memory.get(name))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="small cases, under two minutes")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument(
        "--case", nargs=3, type=int, action="append", metavar=("POINTS", "DIM", "REPEATS"),
        help="only this case; may be given several times",
    )  # fmt: skip
    parser.add_argument("--backends", nargs="+", help="only these, by their names in the table")
    arguments = parser.parse_args()
    title = f"k-nearest neighbors, k = {K}, float32, {arguments.device}"
    table = Table(title, COLUMNS)
    cases = QUICK if arguments.quick else CUDA if arguments.device == "cuda" else FULL
    if arguments.case:
        cases = [Case(*case) for case in arguments.case]
    for case in cases:
        measure(case, arguments.device, table, arguments.backends)
    name = "knn_speed" if arguments.device == "cpu" else "knn_speed_cuda"
    write_report(name, [table], quick=arguments.quick)


if __name__ == "__main__":
    main()
