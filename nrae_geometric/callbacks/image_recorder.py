"""Recorder for images on a one-parameter orbit: the published MNIST experiments."""

from torch import Tensor
from torch_geometric.data import Data

from nrae_geometric.arguments import integer
from nrae_geometric.callbacks.recorder import Recorder
from nrae_geometric.nn.evaluation import edge_arguments
from nrae_geometric.nn.traversal import Autoencoder, encode, latent_grid


class ImageRecorder(Recorder):
    r"""Records the images that lie along a one-dimensional latent space.

    Only the latest frame is kept, since the animation travels through the trained latent space;
    an interrupted run can be drawn too. The frame holds

    * ``latent`` :obj:`[N, 1]`: :math:`g(x_i)`,
    * ``grid`` :obj:`[G, 1]`: an even grid from the least to the greatest latent,
    * ``images`` :obj:`[G, *image_shape]`: the grid decoded.

    Args:
        data (Data): Training images, ``x`` of shape :obj:`[N, C, H, W]` or :obj:`[N, H, W]`;
            ``y`` their true coordinate (an angle, a shift) where it is known, shape :obj:`[N]`.
        model_name (str, optional): Name of the model as the pictures print it.
            (default: :obj:`"AE"`)
        num_images (int, optional): Number of images on the grid. (default: :obj:`60`)
        coordinate (str, optional): What ``y`` is, with its unit, as the pictures print it.
            (default: :obj:`"true coordinate"`)

    Raises:
        ValueError: If the data is not images.
    """

    capacity = 1

    def __init__(
        self,
        data: Data,
        *,
        model_name: str = "AE",
        num_images: int = 60,
        coordinate: str = "true coordinate",
    ) -> None:
        if data.x.dim() not in (3, 4):
            raise ValueError(
                f"data.x has shape {tuple(data.x.shape)}; an image recorder draws images, "
                "[N, C, H, W] or [N, H, W]"
            )
        super().__init__(data, model_name=model_name)
        self.num_images = integer("num_images", num_images, 1)
        self.coordinate = coordinate

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Names and shapes of the tensors of one frame."""
        return {
            "latent": (self.data.x.size(0), 1),
            "grid": (self.num_images, 1),
            "images": (self.num_images, *self.data.x.shape[1:]),
        }

    def snapshot(self, model: Autoencoder) -> dict[str, Tensor]:
        """Returns one frame; see the class for its tensors."""
        edges = edge_arguments(model, self.data)
        z = encode(model, self.data.x, self.data.edge_index, **edges)
        grid = latent_grid(z, self.num_images)
        images = model.decode(grid).reshape(-1, *self.data.x.shape[1:])
        return {"latent": z, "grid": grid, "images": images}
