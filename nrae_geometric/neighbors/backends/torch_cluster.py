r"""Search by torch-cluster's compiled kernels: a k-d tree on the CPU, brute force on the GPU."""

import importlib
import importlib.util

import torch
from torch import Tensor

from nrae_geometric.neighbors.backends.base import Backend, register_backend
from nrae_geometric.neighbors.blocked.rounding import power_of_two_scale
from nrae_geometric.neighbors.ranking import LEAST_DISTANCE, correct_near_rows, rank

_MAX_K_CUDA = 100


@register_backend
class TorchClusterBackend(Backend):
    r""":obj:`torch_cluster.knn` with the guarantees it does not give by itself.

    Its own graph asks for :math:`k + 1` neighbors and drops the point itself, which leaves too
    many for a point that its duplicates displace; its GPU kernel drops squared distances above
    1e10. Here the points are shrunk by a power of two, searched in float64, and ranked again.
    """

    name = "torch_cluster"

    @classmethod
    def unavailable(cls) -> str | None:
        r"""Returns the error of loading torch-cluster too, which is compiled for one PyTorch."""
        if importlib.util.find_spec("torch_cluster") is None:
            return "torch-cluster is not installed; run `pip install nrae-geometric[cluster]`"
        try:
            importlib.import_module("torch_cluster")
        except (ImportError, OSError) as error:
            return f"torch-cluster is installed, but does not load: {error}"
        return None

    def search(self, x: Tensor, k: int, query: Tensor | None) -> tuple[Tensor, Tensor]:
        r"""Searches in float64 and ranks again.

        Raises:
            ValueError: If :obj:`k` is larger than the GPU kernel allows.
            RuntimeError: If the kernel has left out neighbors.
        """
        width = k + 1 if query is None else k
        if x.is_cuda and width > _MAX_K_CUDA:
            raise ValueError(
                f"torch_cluster finds at most {_MAX_K_CUDA} neighbors on the GPU, the point "
                f"itself included, but k is {k}; use backend='torch'"
            )
        from torch_cluster import knn

        scale = power_of_two_scale([x] if query is None else [x, query], x.new_zeros(x.size(1)))
        target = x.double() * scale
        queries = target if query is None else query.double() * scale
        row, col = knn(target, queries, width, num_workers=torch.get_num_threads())
        if row.numel() != queries.size(0) * width:
            raise RuntimeError(
                f"torch_cluster returned {row.numel()} neighbors instead of "
                f"{queries.size(0) * width}; use backend='torch'"
            )
        distance, index = rank(x, query, col.view(-1, width), k)
        correct_near_rows(x, query, distance, index, LEAST_DISTANCE / scale)
        return distance, index
