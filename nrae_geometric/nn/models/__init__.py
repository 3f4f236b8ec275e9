"""Models, and the settings by which a configuration names them."""

from nrae_geometric.nn.models.ae import AE
from nrae_geometric.nn.models.nrae import NRAE

__all__ = ["AE", "NRAE"]
