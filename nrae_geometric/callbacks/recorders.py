"""One front door: the recorder that suits the data."""

from torch import Tensor
from torch_geometric.data import Data

from nrae_geometric.callbacks.curve_recorder import CurveRecorder, default_model_name
from nrae_geometric.callbacks.image_recorder import ImageRecorder
from nrae_geometric.callbacks.recorder import Recorder


def make_recorder(
    data: Data,
    *,
    num_epochs: int,
    manifold: Tensor | None = None,
    order: int | None = None,
    model_name: str | None = None,
    coordinate: str = "true coordinate",
) -> Recorder:
    """Return a recorder for the data: planar points or images.

    Args:
        data: Training data: ``x`` of shape :obj:`[N, 2]` for points, :obj:`[N, C, H, W]` or
            :obj:`[N, H, W]` for images; ``edge_index`` and ``y`` where there are any.
        num_epochs: Length of the training run.
        manifold: Points of the true curve in order, shape :obj:`[M, 2]` (points only).
        order: Order of the model's local expansion, 1 or 2; :obj:`None` for a plain autoencoder.
        model_name: Name of the model as the pictures print it. (default: by ``order``)
        coordinate: What ``y`` is, with its unit, as the pictures print it (images only).

    Raises:
        ValueError: If the data is neither planar points nor images.
    """
    name = model_name or default_model_name(order)
    if data.x.dim() == 2 and data.x.size(1) == 2:
        return CurveRecorder(data, manifold, num_epochs=num_epochs, order=order, model_name=name)
    if data.x.dim() in (3, 4):
        return ImageRecorder(data, num_epochs=num_epochs, model_name=name, coordinate=coordinate)
    raise ValueError(
        f"data.x has shape {tuple(data.x.shape)}; there are animations for planar points [N, 2] "
        "and for images [N, C, H, W] or [N, H, W]"
    )
