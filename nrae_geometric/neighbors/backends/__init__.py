r"""One file for each way to search."""

from nrae_geometric.neighbors.backends.base import Backend
from nrae_geometric.neighbors.backends.faiss import FaissBackend
from nrae_geometric.neighbors.backends.pynndescent import PyNNDescentBackend
from nrae_geometric.neighbors.backends.scipy import ScipyBackend
from nrae_geometric.neighbors.backends.torch import TorchBackend
from nrae_geometric.neighbors.backends.torch_cluster import TorchClusterBackend
from nrae_geometric.registry import BACKENDS

ENGINES: dict[str, type[Backend]] = {
    engine.name: engine
    for engine in (
        TorchBackend,
        ScipyBackend,
        TorchClusterBackend,
        FaissBackend,
        PyNNDescentBackend,
    )
}
for _name, _backend in ENGINES.items():
    BACKENDS.add(_backend, _name)

__all__ = [
    "ENGINES",
    "Backend",
    "FaissBackend",
    "PyNNDescentBackend",
    "ScipyBackend",
    "TorchBackend",
    "TorchClusterBackend",
]
