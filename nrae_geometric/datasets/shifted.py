r"""The orbit of a handwritten digit under horizontal translation."""

import math
import os
from collections.abc import Callable
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch_geometric.data import Data, InMemoryDataset

from nrae_geometric.datasets.arguments import check_at_least
from nrae_geometric.datasets.image_orbits import shift
from nrae_geometric.datasets.mnist import load_mnist_image
from nrae_geometric.datasets.mnist_files import data_root
from nrae_geometric.registry import DatasetSettings, register_dataset


class ShiftedMNIST(InMemoryDataset):
    r"""One MNIST image of a digit, scaled about its center and shifted sideways pixel by pixel,
    as in the `"Neighborhood Reconstructing Autoencoders"
    <https://openreview.net/forum?id=v3LXWP63qOZ>`_ paper.

    The one graph has the images as :obj:`x` of shape :obj:`[2 * shift_range, 1, 28, 28]` with
    values in :math:`[0, 1]`, and the shifts in pixels, :obj:`-shift_range` to
    :obj:`shift_range - 1`, as :obj:`y` of shape :obj:`[2 * shift_range]`; positive ones go to the
    right. Pixels are resampled by nearest neighbor, with zeros from outside the image.

    Args:
        root (str or os.PathLike): The data folder, see :class:`MNIST`.
        digit (int, optional): The digit, 0 to 9. (default: :obj:`3`)
        shift_range (int, optional): The number of pixels to go to either side, at most 28.
            (default: :obj:`10`)
        scale (float, optional): The factor by which the digit grows. (default: :obj:`0.7`)
        index (int, optional): Which image of the digit, in the order of the split.
            (default: :obj:`0`, the first)
        split (str, optional): :obj:`"train"` or :obj:`"test"`. (default: :obj:`"train"`)
        download (bool, optional): Whether to download missing files. (default: :obj:`True`)
        transform (callable, optional): Maps a :class:`~torch_geometric.data.Data` to its
            transformed version at every access. (default: :obj:`None`)

    Raises:
        FileNotFoundError: If a file is missing and not downloaded.
        ValueError: If an argument is out of its range, or a file is damaged.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        digit: int = 3,
        shift_range: int = 10,
        scale: float = 0.7,
        index: int = 0,
        split: str = "train",
        download: bool = True,
        transform: Callable[[Data], Data] | None = None,
    ) -> None:
        check_at_least("shift_range", shift_range, 1)
        if shift_range > 28:
            raise ValueError(
                f"shift_range must be at most 28, the width of the image, got {shift_range}"
            )
        if not (scale > 0 and math.isfinite(scale)):
            raise ValueError(f"scale must be positive and finite, got {scale}")
        super().__init__(os.fspath(root), transform)
        self.digit, self.index = digit, index
        self.shift_range, self.scale = shift_range, scale
        self.image = load_mnist_image(root, digit, index, split, download)
        offsets = torch.arange(-shift_range, shift_range, dtype=torch.float64)
        self.data, self.slices = self.collate([self._orbit(offsets)])

    def manifold(self, num: int = 1000) -> Data:
        r"""Returns points of the orbit, in the order of the shift.

        Args:
            num (int, optional): The number of shifts. (default: :obj:`1000`)

        Returns:
            Data: The images :obj:`x` :obj:`[num, 1, 28, 28]` and the shifts :obj:`y`
            :obj:`[num]` in pixels, evenly spaced from :obj:`-shift_range` to
            :obj:`shift_range - 1`.
        """
        check_at_least("num", num, 1)
        return self._orbit(
            torch.linspace(-self.shift_range, self.shift_range - 1, num, dtype=torch.float64)
        )

    def _orbit(self, offsets: Tensor) -> Data:
        return Data(x=shift(self.image, offsets, self.scale), y=offsets.float())

    def __repr__(self) -> str:
        return (
            f"{self.__class__.__name__}(digit={self.digit}, shift_range={self.shift_range}, "
            f"scale={self.scale}, index={self.index})"
        )


@register_dataset
class ShiftedMNISTSettings(DatasetSettings):
    """The settings of :class:`ShiftedMNIST` in a configuration."""

    coordinate: ClassVar[str] = "shift in pixels"

    dataset: Literal["mnist"]
    type: Literal["shift"]
    root: str = "./dataset"
    digit: Annotated[int, Field(ge=0, le=9)] = 0
    num_rotate: Annotated[int, Field(ge=2)] = 100
    rotate_range: Annotated[float, Field(gt=0, le=360)] = 180.0
    shift_range: Annotated[int, Field(ge=1, le=28)] = 10

    def build(self, seed: int) -> ShiftedMNIST:
        """Returns the data set."""
        return ShiftedMNIST(data_root(self.root), self.digit, self.shift_range)

    def test_points(self, dataset: ShiftedMNIST) -> Data:
        """Returns the points of the orbit itself."""
        return dataset[0]

    @property
    def num_points(self) -> int:
        """The number of images."""
        return 2 * self.shift_range

    @property
    def point_shape(self) -> tuple[int, ...]:
        """The shape of one image."""
        return (1, 28, 28)
