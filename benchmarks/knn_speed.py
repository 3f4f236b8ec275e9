"""How long a k-nearest-neighbour graph takes, against the libraries that users would use instead.

    python benchmarks/knn_speed.py --quick        # under two minutes on two cores
    python benchmarks/knn_speed.py                # the published table; hours on two cores

Competitors take turns in one process with the same number of threads, each after a run whose
result is compared with the exact float64 neighbours of a sample. The floor is the time of the
float32 matrix product of half the distance matrix, measured between the competitors' turns.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from _report import Table, write_report
from torch import Tensor

from nrae_geometric.neighbors import FaissEngine, available_backends, knn

K = 10
SAMPLE = 200
TILE = 2048
# A k-d tree of more dimensions than this looks at nearly every point.
MAX_TREE_DIM = 12
# Work (pairs times dimensions) beyond which an exact competitor without tiles takes hours.
MAX_NAIVE_WORK = 1e10
MAX_EXACT_WORK = 4e12


class Case(NamedTuple):
    """Points to search: `num_points` of `dim` coordinates, and how often each engine is timed."""

    num_points: int
    dim: int
    repeats: int


QUICK = [Case(3_000, 784, 2), Case(50_000, 3, 2), Case(10_000, 8, 2), Case(6_000, 64, 2)]
FULL = [
    Case(60_000, 784, 3),
    Case(1_000_000, 3, 3),
    Case(100_000, 8, 3),
    Case(20_000, 12, 3),
    Case(20_000, 64, 3),
    Case(1_000_000, 64, 1),
]
CUDA = [Case(60_000, 784, 5), Case(1_000_000, 64, 3), Case(1_000_000, 784, 1)]


def make_points(case: Case, device: str) -> Tensor:
    """MNIST where the case has its shape and `NRAE_DATA` has the files, else Gaussian points."""
    if case.dim == 784 and case.num_points <= 60_000 and "NRAE_DATA" in os.environ:
        from nrae_geometric.datasets import MNIST

        images = MNIST(Path(os.environ["NRAE_DATA"]), download=False).x
        return images.flatten(1)[: case.num_points].to(device)
    generator = torch.Generator().manual_seed(0)
    return torch.randn(case.num_points, case.dim, generator=generator).to(device)


def cdist_topk(x: Tensor) -> Tensor:
    """What the published code does, in blocks of rows so that the matrix fits."""
    parts = [torch.cdist(part, x).topk(K + 1, largest=False).indices for part in x.split(1024)]
    return torch.cat(parts)[:, 1:]


def torch_cluster_graph(x: Tensor) -> Tensor:
    from torch_cluster import knn_graph

    return knn_graph(x, K, num_workers=torch.get_num_threads())[0].view(-1, K)


def faiss_flat(x: Tensor) -> Tensor:
    import faiss

    faiss.omp_set_num_threads(torch.get_num_threads())
    index = faiss.IndexFlatL2(x.size(1))
    index.add(x.numpy())
    return torch.from_numpy(index.search(x.numpy(), K + 1)[1][:, 1:])


def scikit_learn(x: Tensor, algorithm: str) -> Tensor:
    from sklearn.neighbors import NearestNeighbors

    search = NearestNeighbors(
        n_neighbors=K, algorithm=algorithm, n_jobs=torch.get_num_threads()
    ).fit(x.numpy())
    return torch.from_numpy(search.kneighbors(return_distance=False))


def scipy_tree(x: Tensor) -> Tensor:
    from scipy.spatial import cKDTree

    workers = torch.get_num_threads()
    return torch.from_numpy(cKDTree(x.numpy()).query(x.numpy(), K + 1, workers=workers)[1][:, 1:])


def nn_descent(x: Tensor) -> Tensor:
    from pynndescent import NNDescent

    index = NNDescent(x.numpy(), n_neighbors=K + 1, n_jobs=torch.get_num_threads(), random_state=0)
    return torch.from_numpy(index.neighbor_graph[0][:, 1:]).long()


def competitors(case: Case, device: str) -> dict[str, Callable[[Tensor], Tensor]]:
    """Engines that search a case in reasonable time, by the name in the table."""

    def ours(x: Tensor, backend: Any) -> Tensor:
        return knn(x, K, backend=backend)[1]

    work = case.num_points**2 * case.dim
    engines: dict[str, Callable[[Tensor], Tensor]] = {"auto": partial(ours, backend="auto")}
    tree = case.dim <= MAX_TREE_DIM
    cluster = available_backends()["torch_cluster"] is None
    if device == "cuda":
        engines["torch.cdist + topk"] = cdist_topk
        if cluster:
            engines["torch_cluster"] = torch_cluster_graph
        return engines
    if not tree or case.num_points < 200_000:
        engines["torch"] = partial(ours, backend="torch")
    if tree:
        engines["scipy"] = partial(ours, backend="scipy")
        engines["scipy.spatial.cKDTree"] = scipy_tree
        engines["scikit-learn kd_tree"] = partial(scikit_learn, algorithm="kd_tree")
    if work <= MAX_EXACT_WORK:
        engines["scikit-learn brute"] = partial(scikit_learn, algorithm="brute")
        engines["torch.cdist + topk"] = cdist_topk
    if cluster and (tree or work <= MAX_NAIVE_WORK):
        engines["torch_cluster"] = torch_cluster_graph
    if available_backends()["faiss"] is None:
        if work <= MAX_EXACT_WORK:
            engines["faiss IndexFlatL2"] = faiss_flat
        if not tree:
            for index in ("hnsw", "ivf"):
                engines[f"faiss {index}, recall 0.95"] = partial(ours, backend=FaissEngine(index))
    if not tree and importable("pynndescent"):
        engines["pynndescent"] = nn_descent
    return engines


def importable(package: str) -> bool:
    from importlib.util import find_spec

    return find_spec(package) is not None


class Exact(NamedTuple):
    """A sample of the points, and the exact squared distance of each to its k-th neighbour."""

    rows: Tensor
    radius: Tensor


def exact_sample(x: Tensor) -> Exact:
    """Searches the neighbours of a sample in float64."""
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
    """Share of neighbours of the sample that are as near as the exact ones, ties included."""
    near = 0
    for row, radius in zip(exact.rows.tolist(), exact.radius, strict=True):
        neighbors = index[row].unique()
        squared = (x[neighbors].double() - x[row].double()).square().sum(1)
        near += int((squared <= radius * (1 + 1e-6)).sum())
    return near / (len(exact.rows) * K)


def half_product_seconds(x: Tensor) -> float:
    """Time of the float32 product of half the distance matrix, from one tile of it."""
    tile = x[:TILE]
    out = torch.empty(len(tile), len(tile), device=x.device)
    torch.mm(tile, tile.T, out=out)
    repeats = 5
    wait(x)
    start = time.perf_counter()
    for _ in range(repeats):
        torch.mm(tile, tile.T, out=out)
    wait(x)
    seconds = (time.perf_counter() - start) / repeats
    return seconds * (x.size(0) / len(tile)) ** 2 / 2


def wait(x: Tensor) -> None:
    if x.is_cuda:
        torch.cuda.synchronize()


def measure(case: Case, device: str, table: Table, names: list[str] | None = None) -> None:
    x = make_points(case, device)
    engines = competitors(case, device)
    if names is not None:
        engines = {"auto": engines["auto"], **{name: engines[name] for name in names}}
    exact = exact_sample(x)
    recalls = {name: recall(x, run(x), exact) for name, run in engines.items()}
    for name in {"auto", "torch", "scipy"} & engines.keys():
        if recalls[name] < 1:
            raise RuntimeError(f"{name} missed neighbours: recall {recalls[name]} on {case}")
    seconds: dict[str, list[float]] = {name: [] for name in engines}
    floors = []
    for _ in range(case.repeats):
        floors.append(half_product_seconds(x))
        for name, run in engines.items():
            wait(x)
            start = time.perf_counter()
            run(x)
            wait(x)
            seconds[name].append(time.perf_counter() - start)
    floor = statistics.median(floors)
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    for name, median in sorted(medians.items(), key=lambda item: item[1]):
        points = f"{case.num_points:,} × {case.dim}"
        table.add(
            points, name, median, recalls[name], floor, median / floor, median / medians["auto"]
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="small cases, under two minutes")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument(
        "--case", nargs=3, type=int, action="append", metavar=("POINTS", "DIM", "REPEATS"),
        help="only this case; may be given several times",
    )  # fmt: skip
    parser.add_argument("--engines", nargs="+", help="only these, by their names in the table")
    arguments = parser.parse_args()
    title = f"k-nearest neighbours, k = {K}, float32, {arguments.device}"
    columns = ["points", "engine", "seconds", "recall", "floor", "times the floor", "times auto"]
    table = Table(title, columns)
    cases = QUICK if arguments.quick else CUDA if arguments.device == "cuda" else FULL
    if arguments.case:
        cases = [Case(*case) for case in arguments.case]
    for case in cases:
        measure(case, arguments.device, table, arguments.engines)
    name = "knn_speed" if arguments.device == "cpu" else "knn_speed_cuda"
    write_report(name, [table], quick=arguments.quick)


if __name__ == "__main__":
    main()
