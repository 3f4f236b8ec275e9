"""Models, and the settings by which a configuration names them."""

from nrae_geometric.nn.models.ae import AE
from nrae_geometric.nn.models.cae import CAE
from nrae_geometric.nn.models.dae import DAE
from nrae_geometric.nn.models.ggae import GGAE
from nrae_geometric.nn.models.grae import GRAE
from nrae_geometric.nn.models.irae import IRAE
from nrae_geometric.nn.models.nrae import NRAE
from nrae_geometric.nn.models.parametric_umap import ParametricUMAP
from nrae_geometric.nn.models.spae import SPAE
from nrae_geometric.nn.models.topoae import TopoAE
from nrae_geometric.nn.models.vae import VAE
from nrae_geometric.nn.models.wae import WAE

__all__ = [
    "AE",
    "CAE",
    "DAE",
    "GGAE",
    "GRAE",
    "IRAE",
    "NRAE",
    "SPAE",
    "VAE",
    "WAE",
    "ParametricUMAP",
    "TopoAE",
]
