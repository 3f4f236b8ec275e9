r"""The orbit of a handwritten digit under rotation."""

import os
from collections.abc import Callable
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch_geometric.data import Data, InMemoryDataset

from nrae_geometric.datasets.arguments import check_at_least
from nrae_geometric.datasets.digits import load_resized_digits
from nrae_geometric.datasets.image_orbits import rotate
from nrae_geometric.datasets.mnist import load_mnist_image
from nrae_geometric.datasets.mnist_files import data_root
from nrae_geometric.datasets.select_image import select_image
from nrae_geometric.registry import DatasetSettings, register_dataset


class _RotatedDigit(InMemoryDataset):
    r"""What the orbits of an MNIST digit and of a scikit-learn digit have in common."""

    def __init__(
        self,
        image: Tensor,
        digit: int,
        index: int,
        num_rotate: int,
        rotate_range: float,
        root: str | None,
        transform: Callable[[Data], Data] | None,
    ) -> None:
        check_at_least("num_rotate", num_rotate, 1)
        if not 0 < rotate_range <= 360:
            raise ValueError(
                f"rotate_range must be above 0 and at most 360 degrees, got {rotate_range}"
            )
        super().__init__(root, transform)
        self.image, self.digit, self.index = image, digit, index
        self.num_rotate, self.rotate_range = num_rotate, rotate_range
        self.data, self.slices = self.collate([self.manifold(num_rotate)])

    def manifold(self, num: int = 1000) -> Data:
        r"""Returns points of the orbit, in the order of the angle.

        Args:
            num (int, optional): The number of angles. (default: :obj:`1000`)

        Returns:
            Data: The images :obj:`x` :obj:`[num, 1, 28, 28]` and the angles :obj:`y`
            :obj:`[num]` in degrees, :obj:`i * rotate_range / num`.
        """
        check_at_least("num", num, 1)
        angles = torch.arange(num, dtype=torch.float64) * self.rotate_range / num
        return Data(x=rotate(self.image, angles), y=angles.float())

    def __repr__(self) -> str:
        return (
            f"{self.__class__.__name__}(digit={self.digit}, num_rotate={self.num_rotate}, "
            f"rotate_range={self.rotate_range}, index={self.index})"
        )


class RotatedMNIST(_RotatedDigit):
    r"""One MNIST image of a digit, rotated clockwise about its center to evenly spaced
    angles, as in the `"Neighborhood Reconstructing Autoencoders"
    <https://openreview.net/forum?id=v3LXWP63qOZ>`_ paper.

    The one graph has the images as :obj:`x` of shape :obj:`[num_rotate, 1, 28, 28]` with values
    in :math:`[0, 1]`, and the angles in degrees, :obj:`i * rotate_range / num_rotate` for
    :obj:`i` from 0, as :obj:`y` of shape :obj:`[num_rotate]`. Pixels are resampled by nearest
    neighbor, with zeros from outside the image.

    Args:
        root (str or os.PathLike): The data folder, see :class:`MNIST`.
        digit (int, optional): The digit, 0 to 9. (default: :obj:`3`)
        num_rotate (int, optional): The number of angles. (default: :obj:`100`)
        rotate_range (float, optional): The range of the angles in degrees, its end left out; at
            most 360. (default: :obj:`180`)
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
        num_rotate: int = 100,
        rotate_range: float = 180,
        index: int = 0,
        split: str = "train",
        download: bool = True,
        transform: Callable[[Data], Data] | None = None,
    ) -> None:
        image = load_mnist_image(root, digit, index, split, download)
        super().__init__(image, digit, index, num_rotate, rotate_range, os.fspath(root), transform)


class RotatedDigits(_RotatedDigit):
    r"""One of scikit-learn's handwritten digits, rotated as in :class:`RotatedMNIST`; works
    without a download.

    The one graph has the images as :obj:`x` of shape :obj:`[num_rotate, 1, 28, 28]` with values
    in :math:`[0, 1]`, and the angles in degrees as :obj:`y` of shape :obj:`[num_rotate]`.

    Args:
        digit (int, optional): The digit, 0 to 9. (default: :obj:`3`)
        num_rotate (int, optional): The number of angles. (default: :obj:`100`)
        rotate_range (float, optional): The range of the angles in degrees, its end left out; at
            most 360. (default: :obj:`180`)
        index (int, optional): Which image of the digit. (default: :obj:`0`, the first)
        transform (callable, optional): Maps a :class:`~torch_geometric.data.Data` to its
            transformed version at every access. (default: :obj:`None`)

    Raises:
        ValueError: If an argument is out of its range.
    """

    def __init__(
        self,
        digit: int = 3,
        num_rotate: int = 100,
        rotate_range: float = 180,
        index: int = 0,
        transform: Callable[[Data], Data] | None = None,
    ) -> None:
        image = select_image(*load_resized_digits(), digit, index)
        super().__init__(image, digit, index, num_rotate, rotate_range, None, transform)


@register_dataset
class RotatedMNISTSettings(DatasetSettings):
    """The settings of :class:`RotatedMNIST` in a configuration."""

    coordinate: ClassVar[str] = "angle in degrees"

    dataset: Literal["mnist"]
    type: Literal["rotate"] = "rotate"
    root: str = "./dataset"
    digit: Annotated[int, Field(ge=0, le=9)] = 0
    num_rotate: Annotated[int, Field(ge=2)] = 100
    rotate_range: Annotated[float, Field(gt=0, le=360)] = 180.0
    shift_range: Annotated[int, Field(ge=1, le=28)] = 10

    def build(self, seed: int) -> RotatedMNIST:
        """Returns the data set."""
        return RotatedMNIST(data_root(self.root), self.digit, self.num_rotate, self.rotate_range)

    def test_points(self, dataset: RotatedMNIST) -> Data:
        """Returns the points of the orbit itself."""
        return dataset[0]

    @property
    def num_points(self) -> int:
        """The number of images."""
        return self.num_rotate

    @property
    def point_shape(self) -> tuple[int, ...]:
        """The shape of one image."""
        return (1, 28, 28)
