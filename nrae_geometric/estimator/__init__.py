"""The scikit-learn front door: a manifold learned with ``fit`` and used with ``transform``."""

from nrae_geometric.estimator.manifold_autoencoder import ManifoldAutoencoder

__all__ = ["ManifoldAutoencoder"]
