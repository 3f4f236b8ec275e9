"""The libraries that `knn_speed.py` compares, each as a function of the points."""

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import NamedTuple

import torch
from torch import Tensor

from nrae_geometric.neighbors import (
    Backend,
    FaissBackend,
    PyNNDescentBackend,
    available_backends,
    knn,
)

K = 10
# A k-d tree of more dimensions than this looks at nearly every point.
MAX_TREE_DIM = 12
# How the time grows with the number of points, to tell in advance what takes too long.
QUADRATIC, NEARLY_LINEAR = 2.0, 1.2


class Competitor(NamedTuple):
    """A search that returns indices :math:`[N, 10]`, and the power of N in its time."""

    search: Callable[[Tensor], Tensor]
    power: float


def library(x: Tensor, backend: str | Backend = "auto") -> Tensor:
    return knn(x, K, backend=backend)[1]


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


def faiss_flat_on_gpu(x: Tensor) -> Tensor:
    import faiss
    import faiss.contrib.torch_utils  # lets faiss take tensors

    index = faiss.GpuIndexFlatL2(faiss.StandardGpuResources(), x.size(1))
    index.add(x)
    return index.search(x, K + 1)[1][:, 1:]


def has_faiss_on_gpu() -> bool:
    """Whether the faiss that is installed is one for GPUs."""
    if find_spec("faiss") is None:
        return False
    import faiss

    return hasattr(faiss, "GpuIndexFlatL2")


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


def competitors(dim: int, device: str) -> dict[str, Competitor]:
    """Competitors for points of so many dimensions by their names in the table, `auto` first."""
    tree = dim <= MAX_TREE_DIM
    installed = {name for name, reason in available_backends().items() if reason is None}
    found = {"auto": Competitor(library, QUADRATIC)}
    found["torch.cdist + topk"] = Competitor(cdist_topk, QUADRATIC)
    if "torch_cluster" in installed:
        found["torch_cluster"] = Competitor(
            torch_cluster_graph, NEARLY_LINEAR if tree and device == "cpu" else QUADRATIC
        )
    if device == "cuda":
        if has_faiss_on_gpu():
            found["faiss GpuIndexFlatL2"] = Competitor(faiss_flat_on_gpu, QUADRATIC)
        return found
    found["torch"] = Competitor(partial(library, backend="torch"), QUADRATIC)
    found["scikit-learn brute"] = Competitor(partial(scikit_learn, algorithm="brute"), QUADRATIC)
    if tree:
        found["scipy"] = Competitor(partial(library, backend="scipy"), NEARLY_LINEAR)
        found["scipy.spatial.cKDTree"] = Competitor(scipy_tree, NEARLY_LINEAR)
        found["scikit-learn kd_tree"] = Competitor(
            partial(scikit_learn, algorithm="kd_tree"), NEARLY_LINEAR
        )
    if "faiss" in installed:
        found["faiss IndexFlatL2"] = Competitor(faiss_flat, QUADRATIC)
        if not tree:
            for index in ("hnsw", "ivf"):
                backend = FaissBackend(index)
                found[f"faiss {index}, recall 0.95"] = Competitor(
                    partial(library, backend=backend), NEARLY_LINEAR
                )
    if not tree and find_spec("pynndescent") is not None:
        found["pynndescent"] = Competitor(nn_descent, NEARLY_LINEAR)
        found["pynndescent, recall 0.95"] = Competitor(
            partial(library, backend=PyNNDescentBackend()), NEARLY_LINEAR
        )
    return found
