r"""One file for each way to search."""

from nrae_geometric.neighbors.engines.base import Engine
from nrae_geometric.neighbors.engines.torch_cluster_engine import TorchClusterEngine
from nrae_geometric.neighbors.engines.torch_engine import TorchEngine

ENGINES: dict[str, type[Engine]] = {
    engine.name: engine for engine in (TorchEngine, TorchClusterEngine)
}

__all__ = ["ENGINES", "Engine", "TorchClusterEngine", "TorchEngine"]
