r"""One file for each way to search."""

from nrae_geometric.neighbors.engines.base import Engine
from nrae_geometric.neighbors.engines.faiss_engine import FaissEngine
from nrae_geometric.neighbors.engines.nn_descent_engine import NNDescentEngine
from nrae_geometric.neighbors.engines.scipy_engine import ScipyEngine
from nrae_geometric.neighbors.engines.torch_cluster_engine import TorchClusterEngine
from nrae_geometric.neighbors.engines.torch_engine import TorchEngine

ENGINES: dict[str, type[Engine]] = {
    engine.name: engine
    for engine in (TorchEngine, ScipyEngine, TorchClusterEngine, FaissEngine, NNDescentEngine)
}

__all__ = [
    "ENGINES",
    "Engine",
    "FaissEngine",
    "NNDescentEngine",
    "ScipyEngine",
    "TorchClusterEngine",
    "TorchEngine",
]
